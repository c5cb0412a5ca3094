// Filters: the URL's texts, and what adding and removing makes of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filterOf, filtersIn, filterText, withFilter, withoutFilter } from './filters.ts'

test('a filter is a dimension, a colon and a value that may hold colons', () => {
  for (const text of ['path:/checkout', 'referrer:https://a.example:8080/x', 'path:']) {
    assert.equal(filterText(filterOf(text)!), text)
  }
  assert.equal(filterOf('path'), null)
  assert.equal(filterOf(':x'), null)
})

test('a value is filtered by once, however often it is clicked, and can be taken away again', () => {
  const filters = filtersIn(['path:/a', 'nonsense', 'path:/a', 'status:500'])
  assert.deepEqual(filters.map(filterText), ['path:/a', 'status:500'])
  const added = { dimension: 'path', value: '/b' }
  assert.deepEqual(withFilter(filters, added), ['path:/a', 'status:500', 'path:/b'])
  assert.deepEqual(withFilter(filters, filters[0]!), ['path:/a', 'status:500'])
  assert.deepEqual(withoutFilter(filters, filters[0]!), ['status:500'])
})
