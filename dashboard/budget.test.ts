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

/** What must load before anything shows, by kind; and all that any one page loads. Gzipped. */
const firstKilobytes = { '.js': 150, '.css': 20, '.woff2': 50 } as const
const pageKilobytes = 220

interface Chunk {
  readonly file: string
  readonly isEntry?: boolean
  readonly imports?: readonly string[]
  readonly dynamicImports?: readonly string[]
  readonly css?: readonly string[]
  readonly assets?: readonly string[]
}

const directory = mkdtempSync(join(tmpdir(), 'dashboard-'))
const files = new Map<string, Buffer>()

before(async () => {
  const root = fileURLToPath(new URL('.', import.meta.url))
  await build({
    root,
    logLevel: 'silent',
    build: { outDir: directory, emptyOutDir: true, reportCompressedSize: false, manifest: true },
  })
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (extname(name) !== '') files.set(name, readFileSync(join(directory, name)))
  }
})

after(() => rmSync(directory, { recursive: true }))

/** The files of a chunk and of all that it imports, without what it loads later. */
function filesOf(
  manifest: Readonly<Record<string, Chunk>>,
  name: string,
  seen = new Set<string>(),
): Set<string> {
  const chunk = manifest[name]!
  if (seen.has(chunk.file)) return seen
  for (const file of [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]) seen.add(file)
  for (const imported of chunk.imports ?? []) filesOf(manifest, imported, seen)
  return seen
}

const zippedBytes = (names: Iterable<string>) =>
  [...names].reduce((sum, name) => sum + gzipSync(files.get(name)!, { level: 9 }).length, 0)

function readManifest(): { manifest: Readonly<Record<string, Chunk>>; entry: string } {
  const manifest = JSON.parse(files.get(join('.vite', 'manifest.json'))!.toString()) as Record<string, Chunk>
  return { manifest, entry: Object.keys(manifest).find(name => manifest[name]!.isEntry)! }
}

for (const [extension, kilobytes] of Object.entries(firstKilobytes)) {
  test(`what ${extension} a first visit needs stays within ${kilobytes} kB gzipped`, context => {
    const { manifest, entry } = readManifest()
    const first = filesOf(manifest, entry)
    filesOf(manifest, 'pages/overview/page.tsx', first)
    const measured = [...first].filter(name => name.endsWith(extension))
    assert.ok(measured.length > 0, `the build has ${extension} files`)
    const bytes = zippedBytes(measured)
    context.diagnostic(`figure first ${extension}: ${(bytes / 1000).toFixed(1)} kB`)
    assert.ok(bytes <= kilobytes * 1000, `${(bytes / 1000).toFixed(1)} kB of ${kilobytes} kB`)
  })
}

test(`every page with all it loads stays within ${pageKilobytes} kB gzipped`, () => {
  const { manifest, entry } = readManifest()
  const pages = Object.keys(manifest).filter(name => name.startsWith('pages/'))
  assert.ok(pages.length >= 9, pages.join(', '))
  for (const page of pages) {
    const all = new Set([...filesOf(manifest, entry), ...filesOf(manifest, page)])
    for (const later of manifest[page]!.dynamicImports ?? []) filesOf(manifest, later, all)
    const bytes = zippedBytes([...all].filter(name => !name.endsWith('.woff2')))
    assert.ok(
      bytes <= pageKilobytes * 1000,
      `${page}: ${(bytes / 1000).toFixed(1)} kB of ${pageKilobytes} kB`,
    )
  }
})

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
