// Fixed and configured metrics are looked up alike, and neither hides the other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definedNames, defineMetrics, definitionOf } from './definitions.ts'

test('definitionOf() knows fixed and configured metrics and no names of Object', () => {
  const definition = { kind: 'count', unit: 'count', definition: 'x', dimensions: [], total: true } as const
  defineMetrics(new Map([['signups', definition]]))
  assert.equal(definitionOf('signups'), definition)
  assert.equal(definitionOf('requests')?.kind, 'count')
  assert.equal(definitionOf('constructor'), undefined)
  assert.ok(definedNames().includes('signups') && definedNames().includes('latency'))
  assert.throws(() => defineMetrics(new Map([['requests', definition]])), /exists/)
  defineMetrics(new Map())
  assert.equal(definitionOf('signups'), undefined)
})
