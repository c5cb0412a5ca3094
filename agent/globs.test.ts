// Globs as tables: pattern, path, whether it matches.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileExcludes, compileGlobs, expandBraces } from './globs.ts'

const matching: readonly (readonly [string, string, boolean])[] = [
  ['/var/log/*.log', '/var/log/a.log', true],
  ['/var/log/*.log', '/var/log/a.log.1', false],
  ['/var/log/*.log', '/var/log/nginx/a.log', false],
  ['/var/log/*.log', '/var/log/.a.log', false],
  ['/var/log/.*.log', '/var/log/.a.log', true],
  ['/var/log/**/*.log', '/var/log/a.log', true],
  ['/var/log/**/*.log', '/var/log/x/y/a.log', true],
  ['/var/log/**/*.log', '/var/log/.git/a.log', false],
  ['/var/log/**', '/var/log/x/y/a', true],
  ['/var/log/**', '/var/log', false],
  ['/var/log/{nginx,apache}/access*.log', '/var/log/apache/access_1.log', true],
  ['/var/log/{nginx,apache}/access*.log', '/var/log/caddy/access.log', false],
  ['/logs/app-?.log', '/logs/app-7.log', true],
  ['/logs/app-[0-3].log', '/logs/app-7.log', false],
  ['/logs/app-[!0-3].log', '/logs/app-7.log', true],
  ['/logs/a+b (1).log', '/logs/a+b (1).log', true],
  ['/logs/a\\*.log', '/logs/a*.log', true],
  ['/logs/a\\*.log', '/logs/ab.log', false],
]

test('a glob matches whole paths, and a wildcard never crosses a slash or finds a dot file', () => {
  for (const [pattern, path, expected] of matching) {
    const found = compileGlobs(pattern).some(glob => glob.matches(path))
    assert.equal(found, expected, `${pattern} on ${path}`)
  }
})

test('the base is the deepest directory without a wildcard', () => {
  const shapes = compileGlobs('/var/log/{nginx,apache2}/*/x.log').map(glob => [glob.base, glob.depth])
  assert.deepEqual(shapes, [
    ['/var/log/nginx', 1],
    ['/var/log/apache2', 1],
  ])
  assert.deepEqual(
    compileGlobs('/a.log').map(glob => [glob.base, glob.depth]),
    [['/', 0]],
  )
  assert.equal(compileGlobs('/var/**/x')[0]!.depth, Number.POSITIVE_INFINITY)
})

test('braces nest, and an unclosed one is an ordinary character', () => {
  assert.deepEqual(expandBraces('/a/{b,c{d,e}}/f'), ['/a/b/f', '/a/cd/f', '/a/ce/f'])
  assert.deepEqual(expandBraces('/a/{b'), ['/a/{b'])
  assert.deepEqual(expandBraces('/{a,b}{1,2}'), ['/a1', '/a2', '/b1', '/b2'])
})

test('an exclude without a slash is a name anywhere, one with a slash a whole path', () => {
  const excluded = compileExcludes(['*.{gz,zst}', '/var/log/private/**'])
  assert.equal(excluded('/var/log/a.log.1.gz'), true)
  assert.equal(excluded('/x.zst'), true)
  assert.equal(excluded('/var/log/private/a.log'), true)
  assert.equal(excluded('/var/log/a.log'), false)
})
