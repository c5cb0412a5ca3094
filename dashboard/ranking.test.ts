// Colours stay with names; places change only for a reason.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignColours, colourVariable, hashOf, seriesColours } from './colours.ts'
import { noRanking, rank, rerankEveryMs } from './ranking.ts'

function rows(counts: Readonly<Record<string, number>>) {
  return Object.entries(counts).map(([value, count]) => ({ value, count, share: 0 }))
}

test('assignColours() gives a name the colour of its hash, whatever its rank', () => {
  const alone = assignColours(new Map(), ['/cart'])
  assert.equal(alone.get('/cart'), hashOf('/cart') % seriesColours)
  const forwards = assignColours(new Map(), ['/', '/cart'])
  const backwards = assignColours(forwards, ['/cart', '/'])
  assert.deepEqual([...backwards].sort(), [...forwards].sort())
})

test('assignColours() resolves collisions, greys the seventh, and frees the colour of a name that left', () => {
  const names = ['/a', '/b', '/c', '/d', '/e', '/f', '/g']
  const colours = assignColours(new Map(), names)
  const worn = [...colours.values()].filter(colour => colour >= 0)
  assert.equal(new Set(worn).size, 6)
  assert.equal(colours.get('/g'), -1)
  assert.equal(colourVariable(colours.get('/g')), 'var(--series-other)')
  const later = assignColours(colours, names.slice(1))
  assert.equal(later.get('/g'), colours.get('/a'), 'the only free colour')
  assert.equal(later.get('/b'), colours.get('/b'))
})

test('rank() orders by count at first and keeps near-equals in place later', () => {
  const first = rank(noRanking, rows({ '/a': 10, '/b': 100, '/c': 50 }), false, 0)
  assert.deepEqual(first.order, ['/b', '/c', '/a'])
  const near = rank(first, rows({ '/a': 10, '/b': 100, '/c': 101 }), false, rerankEveryMs)
  assert.deepEqual(near.order, ['/b', '/c', '/a'])
  const ahead = rank(near, rows({ '/a': 10, '/b': 100, '/c': 120 }), false, 2 * rerankEveryMs)
  assert.deepEqual(ahead.order, ['/c', '/b', '/a'])
})

test('rank() moves rows at most once a second, and never while held', () => {
  const first = rank(noRanking, rows({ '/a': 10, '/b': 5 }), false, 0)
  assert.deepEqual(rank(first, rows({ '/a': 10, '/b': 50 }), false, 500).order, ['/a', '/b'])
  assert.deepEqual(rank(first, rows({ '/a': 10, '/b': 50 }), true, 5000).order, ['/a', '/b'])
  assert.deepEqual(rank(first, rows({ '/b': 50, '/new': 900 }), true, 5000).order, ['/b', '/new'])
})
