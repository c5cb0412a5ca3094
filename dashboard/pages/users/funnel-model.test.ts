// The funnel editor without its markup: what the URL keeps, what moves where, what is asked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  changedProperty,
  changedStep,
  draftOf,
  draftParameters,
  type FunnelDraft,
  funnelQuestion,
  incomplete,
  movedStep,
  newFunnel,
  stepFrom,
  stepsMax,
  stepText,
  windowName,
  withoutStep,
  withStep,
} from './funnel-model.ts'

const draft: FunnelDraft = {
  steps: [
    { kind: 'page', value: '/' },
    { kind: 'page', value: '/products/*' },
    { kind: 'event', value: 'Order: Completed' },
  ],
  order: 'strict',
  window: '1h',
}

test('the URL keeps steps, order and window, and leaves defaults out', () => {
  const { step, order, fw } = draftParameters(draft)
  assert.deepEqual(draftOf(step, order, fw), draft)
  assert.deepEqual(draftParameters({ ...draft, order: 'sequential', window: '14d' }), {
    step: ['page:/', 'page:/products/*', 'event:Order: Completed'],
    order: '',
    fw: '',
    sw: [],
  })
  assert.equal(draftOf(['page:/'], '', ''), null)
  assert.equal(draftOf(['nonsense', 'page:/'], '', ''), null)
  assert.equal(draftOf(Array(20).fill('page:/'), '', 'soon')?.steps.length, stepsMax)
})

test('steps move without changing the order of the others, and not beyond the ends', () => {
  const order = (from: number, to: number) => movedStep(draft, from, to).steps.map(stepText)
  assert.deepEqual(order(2, 0), ['event:Order: Completed', 'page:/', 'page:/products/*'])
  assert.deepEqual(order(0, 1), ['page:/products/*', 'page:/', 'event:Order: Completed'])
  assert.equal(movedStep(draft, 0, -1), draft)
  assert.equal(movedStep(draft, 2, 3), draft)
})

test('there are two to eight steps', () => {
  let grown = draft
  for (let round = 0; round < 10; round += 1) grown = withStep(grown)
  assert.equal(grown.steps.length, 8)
  let shrunk = draft
  for (let round = 0; round < 10; round += 1) shrunk = withoutStep(shrunk, 0)
  assert.deepEqual(shrunk.steps.map(stepText), ['page:/products/*', 'event:Order: Completed'])
})

test('what is incomplete says which step wants what', () => {
  assert.equal(incomplete(draft), null)
  assert.match(incomplete(newFunnel)!, /^Step 2 needs a page/)
  assert.match(incomplete(changedStep(draft, 2, { value: ' ' }))!, /^Step 3 needs a name of an event/)
  assert.match(incomplete(changedStep(draft, 0, { value: 'cart' }))!, /^Step 1: a page begins with/)
})

test('the question is what POST /funnels takes', () => {
  assert.deepEqual(funnelQuestion(draft, { window: '7d' }), {
    steps: [{ page: '/' }, { page: '/products/*' }, { event: 'Order: Completed' }],
    order: 'strict',
    conversion_window: '1h',
    window: '7d',
  })
})

test('what an event’s properties must be survives the URL with its kind, and is edited', () => {
  const steps = [
    { page: '/' },
    { event: 'Order', where: { 'plan=x': 'pro', total: 5, gift: true, code: '5', said: '"a"' } },
  ].map(stepFrom)
  const { step, order, fw, sw } = draftParameters({ ...draft, steps })
  assert.deepEqual(sw, ['2:plan%3Dx=pro', '2:total=5', '2:gift=true', '2:code="5"', '2:said="\\"a\\""'])
  const read = draftOf(step, order, fw, sw)!
  assert.deepEqual(read.steps, steps)
  const asked = (wanted: FunnelDraft) => (funnelQuestion(wanted, {}) as { steps: object[] }).steps[1]
  assert.deepEqual(asked(read), {
    event: 'Order',
    where: { 'plan=x': 'pro', total: 5, gift: true, code: '5', said: '"a"' },
  })
  const fewer = [4, 3, 2, 1].reduce((left, at) => changedProperty(left, 1, at, null), read)
  const other = changedProperty(fewer, 1, 0, { value: 'free' })
  assert.deepEqual(asked(other), { event: 'Order', where: { 'plan=x': 'free' } })
  assert.match(incomplete(changedProperty(other, 1, 1, {}))!, /^Step 2: a property needs its name/)
  assert.deepEqual(asked(changedStep(other, 1, { kind: 'page', value: '/x' })), { page: '/x' })
  assert.deepEqual(draftOf(step, '', '', ['9:x=1', 'nonsense', '2:%=1'])!.steps[1], {
    kind: 'event',
    value: 'Order',
  })
})

test('how long a funnel of the configuration may take is told as the choice has it', () => {
  const names = [86_400_000, 14 * 86_400_000, 3_600_000, 90 * 60_000, 90_000].map(windowName)
  assert.deepEqual(names, ['1d', '14d', '1h', '90m', '90s'])
})
