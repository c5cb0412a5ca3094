// Every reason that the agent, the count and docs/delivery.md know has words of its own.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { LossEntry } from '../../../analytics/http/contract.ts'
import { knownReasons, lossesByTime, lossWords } from './loss-words.ts'

function reasonsIn(path: string, pattern: RegExp): string[] {
  const text = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
  const found = pattern.exec(text)?.[1] ?? ''
  return [...found.matchAll(/['`]([a-z: -]+)['`]/g)].map(match => match[1]!)
}

test('no reason is left without its meaning and what to do', () => {
  const ofAgent = reasonsIn('agent/tracker.ts', /export type LossReason =([\s\S]*?)\n\n/)
  const ofCount = reasonsIn('analytics/fold/pending.ts', /export type LossReason =([\s\S]*?)\n\n/)
  const ofModel = reasonsIn('docs/delivery.md', /\| reason \| means([\s\S]*?)\| others/)
  assert.ok(ofAgent.length > 5 && ofCount.length > 5 && ofModel.length > 10)
  for (const reason of [...ofAgent, ...ofCount, ...ofModel]) assert.ok(knownReasons.includes(reason), reason)
})

test('what may have been counted twice is told apart from what is lost; what is new is shown as it is', () => {
  assert.equal(lossWords('checkpoint-lost').kind, 'twice')
  assert.equal(lossWords('possibly-twice: something new').kind, 'twice')
  assert.equal(lossWords('unparsed').kind, 'lost')
  assert.equal(lossWords('constructor').title, 'constructor')
})

test('entries stand under their day or hour, with what was lost in it for certain', () => {
  const entry = (at: string, lines: number | null, reason = 'unparsed'): LossEntry => ({
    ...{ source: 'web-1:/x', from: '0', to: '1', detail: '', lines, reason },
    at: Date.parse(at),
  })
  const entries = [
    entry('2026-11-24T14:59:00Z', 2),
    entry('2026-11-24T14:01:00Z', null),
    entry('2026-11-24T14:00:00Z', 9, 'checkpoint-lost'),
    entry('2026-11-24T13:59:59Z', 1),
    entry('2026-11-23T23:00:00Z', 4),
  ]
  const told = (by: 'hour' | 'day') =>
    lossesByTime(entries, by, 'utc').map(({ title, lines, entries: own }) => [title, lines, own.length])
  assert.deepEqual(told('day'), [
    ['2026-11-24', 3, 4],
    ['2026-11-23', 4, 1],
  ])
  assert.deepEqual(told('hour'), [
    ['2026-11-24 14:00', 2, 3],
    ['2026-11-24 13:00', 1, 1],
    ['2026-11-23 23:00', 4, 1],
  ])
})
