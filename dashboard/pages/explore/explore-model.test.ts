// Explore without its markup: what is asked, where a click leads, what a refusal offers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SeriesAnswer } from '../../../analytics/http/contract.ts'
import type { CatalogueAnswer, CatalogueMetric } from '../../../analytics/http/contract-catalogue.ts'
import { apiPath } from '../../api.ts'
import {
  bucketsOver,
  collectingWords,
  dimensionsWith,
  drawnValues,
  groupOf,
  matchesWords,
  nextDimension,
  type Question,
  seriesParameters,
  tableParameters,
  waysOut,
} from './explore-model.ts'

const metric = (name: string, dimensions: readonly (readonly string[])[]): CatalogueMetric => ({
  ...{ name, dimensions, definition: `What ${name} are.`, kind: 'count', unit: 'count' },
  ...{ total: true, configured: false },
})
const lines = metric('lines', [['topic'], ['level'], ['service'], ['level', 'service']])
const requests = metric('requests', [['path'], ['status']])
const visits = metric('visits', [['source'], ['channel', 'source']])
const catalogue: CatalogueAnswer = {
  metrics: [lines, requests, visits],
  dimensions: [],
  goals: [],
  funnels: [],
}
const question: Question = {
  metric: 'requests',
  by: 'path',
  filters: [{ dimension: 'status', value: '500' }],
  range: { kind: 'last', name: '24h' },
  compare: true,
}

test('the API is asked what the URL says', () => {
  assert.equal(
    apiPath('/stats/requests', tableParameters(question)),
    '/api/v1/stats/requests?window=24h&by=path&filter=status%3A500&compare=previous&limit=50',
  )
  const week = { ...question, compare: false, range: { kind: 'last', name: '7d' } as const }
  assert.match(apiPath('/series/requests', seriesParameters(week)), /step=1h&limit=6$/)
})

test('a click leads to a dimension kept together with the value, or to the whole', () => {
  const level = [{ dimension: 'level', value: 'error' }]
  assert.deepEqual(dimensionsWith(lines, level), ['level', 'service'])
  assert.equal(nextDimension(lines, level), 'service')
  assert.equal(nextDimension(requests, [{ dimension: 'path', value: '/' }]), '')
  assert.deepEqual(dimensionsWith(visits, []), ['channel'])
})

test('a refusal offers what the server suggests, then what is near', () => {
  const labels = waysOut(question, catalogue, 'status').map(({ label }) => label)
  assert.deepEqual(labels, [
    'By status',
    'By status, with the filter',
    'By path, without the filter',
    'As a whole',
  ])
  const unknown = waysOut({ ...question, metric: 'request' }, catalogue, 'requests')
  assert.deepEqual(unknown[0], { label: 'Show requests', changes: { m: 'requests' } })
})

test('statistics are grouped, and found by words of name and definition', () => {
  assert.deepEqual([lines, requests, visits].map(groupOf), ['Pipeline', 'Requests', 'Visits and visitors'])
  assert.equal(groupOf({ ...requests, configured: true }), 'Your own')
  assert.equal(matchesWords(requests, 'what REQ'), true)
  assert.equal(matchesWords(requests, 'what visits'), false)
})

test('a counter without a bucket is zero once it began, and an open bucket is not drawn', () => {
  const answer: SeriesAnswer = {
    ...{ metric: 'requests', definition: '', unit: 'count', stepSeconds: 60 },
    times: [0, 60_000, 120_000, 180_000],
    series: [{ labels: {}, values: { value: [null, 5, null, 2] } }],
    freshness: { watermark: 200_000, committedAt: null, lagRecords: 0, mayChange: true },
  }
  const count = bucketsOver(answer)
  assert.equal(count, 3)
  const { value } = answer.series[0]!.values
  assert.deepEqual(drawnValues(answer, value, 'count', count), [null, 5, 0])
  assert.deepEqual(drawnValues(answer, value, 'distribution', count), [null, 5, null])
})

test('a counter that has just begun says when its first whole step is over', () => {
  const answer = (values: (number | null)[], watermark: number): SeriesAnswer => ({
    ...{ metric: 'visits', definition: '', unit: 'count', stepSeconds: 900 },
    times: values.map((_, at) => at * 900_000),
    series: [{ labels: {}, values: { value: values } }],
    freshness: { watermark, committedAt: null, lagRecords: 0, mayChange: true },
  })
  const words = (values: (number | null)[], watermark: number) =>
    collectingWords(answer(values, watermark), 'utc')
  assert.equal(words([null, null, 5], 2_000_000), 'collecting: first full step at 01:00')
  assert.equal(words([null, null, 5, 9], 3_599_999), 'collecting: first full step at 01:00')
  assert.equal(words([null, null, 5, 9, 1], 3_600_000), null)
  assert.equal(words([3, 5], 1_000_000), null, 'it has long been counting')
  assert.equal(words([null, null], 1_000_000), null)
})
