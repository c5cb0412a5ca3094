// Patterns of pages, properties of events, and what tailrace.yaml may say about goals and funnels.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { funnelsSchema, goalsSchema, visitSettings } from './condition-schemas.ts'
import { conditionText, globMatches, hasProperties, meets } from './conditions.ts'
import { median } from './funnel.ts'

test('globMatches(): * stays within a segment, ** crosses', () => {
  const rows: [pattern: string, text: string, isMatch: boolean][] = [
    ['/', '/', true],
    ['/docs', '/docs/', false],
    ['/products/*', '/products/42', true],
    ['/products/*', '/products/', true],
    ['/products/*', '/products/42/reviews', false],
    ['/docs/**', '/docs/a/b', true],
    ['/docs/**', '/doc', false],
    ['/*/cart', '/de/cart', true],
    ['/*/cart', '/de/at/cart', false],
    ['**/cart', '/de/at/cart', true],
    ['*', '', true],
    ['', '', true],
    ['', '/', false],
  ]
  for (const [pattern, text, isMatch] of rows)
    assert.equal(globMatches(pattern, text), isMatch, `${pattern} ${text}`)
  // Exponential where a pattern backtracks.
  assert.equal(globMatches('*a'.repeat(40), `${'a'.repeat(200)}b`), false)
})

test('meets() and hasProperties() tell pages from events, and look at own properties only', () => {
  assert.equal(meets({ page: '/a' }, true, '/a'), true)
  assert.equal(meets({ page: '/a' }, false, '/a'), false)
  assert.equal(meets({ event: 'Did' }, false, 'Did'), true)
  assert.equal(hasProperties({ plan: 'pro' }, { properties: { plan: 'pro' } }), true)
  assert.equal(hasProperties({ plan: 'pro' }, { plan: 'pro' }), true)
  assert.equal(hasProperties({ plan: '1' }, { properties: { plan: 1 } }), false)
  assert.equal(hasProperties({ constructor: 'x' }, {}), false)
  assert.equal(hasProperties({ plan: 'pro' }, null), false)
  const [a, b] = [
    { event: 'x', where: { a: 1, b: 2 } },
    { event: 'x', where: { b: 2, a: 1 } },
  ]
  assert.equal(conditionText(a), conditionText(b))
})

test('what is no goal and no funnel is refused, and the rest has its defaults', () => {
  const step = { page: '/' }
  for (const goals of [
    [{ name: 'a' }],
    [{ name: 'a', page: '/', event: 'x' }],
    [{ name: 'a', page: '/', where: { x: 1 } }],
    [
      { name: 'a', page: '/' },
      { name: 'a', page: '/b' },
    ],
  ]) {
    assert.equal(goalsSchema.safeParse(goals).success, false, JSON.stringify(goals))
  }
  for (const funnel of [
    { steps: [step] },
    { steps: new Array(9).fill(step) },
    { steps: [step, step], window: '0d' },
  ]) {
    assert.equal(funnelsSchema.safeParse([{ name: 'a', ...funnel }]).success, false, JSON.stringify(funnel))
  }
  const goals = goalsSchema.parse([{ name: 'pro', event: 'Bought', where: { plan: 'pro' } }])
  const funnels = funnelsSchema.parse([{ name: 'a', steps: [step, step] }])
  assert.deepEqual(visitSettings(goals, funnels), {
    goals,
    funnels: [{ name: 'a', steps: [step, step], strict: false, windowMs: 14 * 86_400_000 }],
  })
})

test('median()', () => {
  assert.deepEqual([median([]), median([3]), median([9, 1, 2]), median([4, 1, 2, 3])], [null, 3, 2, 2.5])
})
