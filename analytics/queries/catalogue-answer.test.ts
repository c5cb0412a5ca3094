// The catalogue as an answer: fixed and configured statistics with their dimensions, and configured goals and funnels.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { defineMetrics } from '../windows/definitions.ts'
import { catalogueAnswer } from './catalogue-answer.ts'

afterEach(() => defineMetrics(new Map()))

test('what is configured stands beside what is fixed, told apart, and its fields are dimensions', () => {
  defineMetrics(
    new Map([
      [
        'orders',
        {
          kind: 'count',
          unit: 'count',
          definition: 'Orders.',
          dimensions: ['plan', 'plan,region'],
          total: true,
        },
      ],
    ]),
  )
  const { metrics, dimensions } = catalogueAnswer({})
  const named = (name: string) => metrics.find(metric => metric.name === name)
  assert.deepEqual(named('orders'), {
    ...{ name: 'orders', definition: 'Orders.', kind: 'count', unit: 'count', total: true, configured: true },
    dimensions: [['plan'], ['plan', 'region']],
  })
  assert.equal(named('requests')?.configured, false)
  assert.deepEqual([named('error_rate')?.numerator, named('error_rate')?.denominator], ['errors', 'requests'])
  assert.ok(dimensions.some(({ name }) => name === 'region'))
  assert.equal(new Set(dimensions.map(({ name }) => name)).size, dimensions.length)
})

test('goals and funnels come as they are configured, with the defaults they mean', () => {
  const { goals, funnels } = catalogueAnswer({
    visits: {
      goals: [{ name: 'pro', event: 'Purchased', where: { plan: 'pro' } }],
      funnels: [{ name: 'purchase', steps: [{ page: '/products/*' }, { event: 'Purchased' }], strict: true }],
    },
  })
  assert.deepEqual(goals, [{ name: 'pro', event: 'Purchased', where: { plan: 'pro' } }])
  assert.deepEqual(funnels, [
    {
      ...{ name: 'purchase', order: 'strict', conversionWindowMs: 14 * 86_400_000 },
      steps: [{ page: '/products/*' }, { event: 'Purchased' }],
    },
  ])
})
