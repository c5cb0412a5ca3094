// The page's weight, measured on a build of its own: what a browser must load before the page works, gzipped, against
// budgets; and that nothing in it needs more than this origin and the strictest content security policy.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const budgetsKilobytes = { '.js': 150, '.css': 20, '.woff2': 50 } as const

const directory = mkdtempSync(join(tmpdir(), 'dashboard-'))
const files = new Map<string, Buffer>()

before(async () => {
  const root = fileURLToPath(new URL('.', import.meta.url))
  await build({
    root,
    logLevel: 'silent',
    build: { outDir: directory, emptyOutDir: true, reportCompressedSize: false },
  })
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (extname(name) !== '') files.set(name, readFileSync(join(directory, name)))
  }
})

after(() => rmSync(directory, { recursive: true }))

for (const [extension, kilobytes] of Object.entries(budgetsKilobytes)) {
  test(`all ${extension} files together stay within ${kilobytes} kB gzipped`, () => {
    const measured = [...files].filter(([name]) => name.endsWith(extension))
    assert.ok(measured.length > 0, `the build has ${extension} files`)
    const bytes = measured.reduce((sum, [, content]) => sum + gzipSync(content, { level: 9 }).length, 0)
    assert.ok(bytes <= kilobytes * 1000, `${(bytes / 1000).toFixed(1)} kB of ${kilobytes} kB`)
  })
}

test('the document holds no inline script or style, and every address in it is on this origin', () => {
  const html = files.get('index.html')!.toString()
  assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+=/i)
  for (const [tag] of html.matchAll(/<script[^>]*>/g)) assert.match(tag, /\ssrc="\//, tag)
  for (const [, address] of html.matchAll(/\s(?:src|href)="([^"]*)"/g)) assert.match(address!, /^\/(?!\/)/)
})

test('style sheets load nothing from elsewhere and inline nothing', () => {
  for (const [name, content] of files) {
    if (!name.endsWith('.css')) continue
    for (const [, address] of content.toString().matchAll(/url\(["']?([^"')]*)/g)) {
      assert.match(address!, /^\/(?!\/)/, `${name}: ${address}`)
    }
    assert.doesNotMatch(content.toString(), /@import/)
  }
})

test('the chart library is not part of the first script: it loads beside it', () => {
  const scripts = [...files.keys()].filter(name => name.startsWith('assets/') && name.endsWith('.js'))
  assert.ok(scripts.length >= 2, scripts.join(', '))
})
