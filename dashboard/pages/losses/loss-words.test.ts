// Every reason that the agent, the count and docs/delivery.md know has words of its own.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { knownReasons, lossWords } from './loss-words.ts'

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
