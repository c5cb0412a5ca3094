// Values in words by unit and kind, and changes that say what they are against.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeText, type Measured, valueKeys, valueText } from './quantities.ts'

const metric = (name: string, kind: Measured['kind'], unit: Measured['unit']): Measured => ({
  name,
  kind,
  unit,
})

test('each unit is written in its own way, and only rates are percentages', () => {
  assert.equal(valueText(metric('requests', 'count', 'count'), 12_400), '12.4k')
  assert.equal(valueText(metric('bytes', 'count', 'bytes'), 2048), '2.00 KiB')
  assert.equal(valueText(metric('latency', 'distribution', 'milliseconds'), 12.34, 'p95'), '12.3 ms')
  assert.equal(valueText(metric('latency', 'distribution', 'milliseconds'), 2400, 'count'), '2.40k')
  assert.equal(valueText(metric('error_rate', 'ratio', 'ratio'), 0.0312), '3.1%')
  assert.equal(valueText(metric('bounce_rate_umami', 'ratio', 'ratio'), 0.5), '50.0%')
  assert.equal(valueText(metric('views_per_visit', 'ratio', 'ratio'), 3.247), '3.25')
  assert.equal(valueText(metric('error_rate', 'ratio', 'ratio'), 7, 'numerator'), '7')
  assert.equal(valueText(metric('metric', 'distribution', 'count'), 0.42, 'mean'), '0.42')
})

test('what is not known is a dash, never a zero', () => {
  for (const value of [null, undefined, Number.NaN])
    assert.equal(valueText(metric('requests', 'count', 'count'), value), '–')
})

test('a change says its sign, and that there was nothing before', () => {
  assert.equal(changeText({ absolute: 12, percent: 12.34 }), '+12.3%')
  assert.equal(changeText({ absolute: -5, percent: -5 }), '−5.0%')
  assert.equal(changeText({ absolute: 0, percent: 0 }), '0%')
  assert.equal(changeText({ absolute: 5, percent: null }), 'new')
  assert.equal(changeText({ absolute: null, percent: null }), '–')
  assert.equal(changeText(undefined), '–')
})

test('a distribution is told by quantiles first, a ratio with what it is made of', () => {
  assert.equal(valueKeys(metric('latency', 'distribution', 'milliseconds'))[0], 'p50')
  assert.deepEqual(valueKeys(metric('error_rate', 'ratio', 'ratio')), ['value', 'numerator', 'denominator'])
})
