// The package as others install it: built, packed and unpacked under node_modules, where Node strips no types. The
// command takes a line to a statistic; both public modules work, with their types.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { buildPackage } from '../../scripts/build.ts'
import { eventually } from '../eventually.ts'

const root = join(import.meta.dirname, '../..')
let place: string
const installed = () => join(place, 'node_modules/tailrace')

before(async () => {
  place = await mkdtemp(join(tmpdir(), 'tailrace-package-'))
  const built = join(place, 'built')
  buildPackage(built)
  const packed = JSON.parse(
    execFileSync('npm', ['pack', built, '--json', '--pack-destination', place], { encoding: 'utf8' }),
  ) as [{ readonly filename: string }]
  mkdirSync(installed(), { recursive: true })
  execFileSync('tar', ['-xzf', join(place, packed[0].filename), '-C', installed(), '--strip-components=1'])
  const { dependencies } = JSON.parse(readFileSync(join(installed(), 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  // What npm would fetch: the very versions that the manifest names are here already.
  for (const name of Object.keys(dependencies)) link(name)
})

function link(name: string): void {
  const to = join(place, 'node_modules', name)
  if (existsSync(to)) return
  mkdirSync(dirname(to), { recursive: true })
  symlinkSync(join(root, 'node_modules', name), to)
}

after(() => rm(place, { recursive: true, force: true }))

test('the manifest names what runs and nothing that only builds or tests', () => {
  const manifest = JSON.parse(readFileSync(join(installed(), 'package.json'), 'utf8'))
  const names = Object.keys(manifest.dependencies)
  for (const name of ['express', 'ws', 'chokidar', 'zstd-napi', 'better-sqlite3'])
    assert(names.includes(name))
  for (const name of ['react', 'vite', 'uplot', 'playwright', 'kafkajs']) assert(!names.includes(name), name)
  const files = readdirSync(installed(), { recursive: true, encoding: 'utf8' })
  assert.deepEqual(
    files.filter(name => /(?<!\.d)\.tsx?$|\.test\./.test(name)),
    [],
  )
  assert(files.includes('dashboard/dist/index.html'))
})

test('the command says its version, and under an old Node what it needs', () => {
  const { version, bin } = JSON.parse(readFileSync(join(installed(), 'package.json'), 'utf8'))
  const command = join(installed(), bin.tailrace)
  const old = join(place, 'old-node.mjs')
  writeFileSync(old, `Object.defineProperty(process, 'versions', { value: { node: '20.1.0' } })`)
  const run = (...before: string[]) =>
    spawnSync(process.execPath, [...before, command, '--version'], { cwd: place, encoding: 'utf8' })
  const current = run()
  assert.deepEqual([current.status, current.stdout, current.stderr], [0, `${version}\n`, ''])
  const refused = run('--import', old)
  assert.deepEqual([refused.status, refused.stdout], [78, ''])
  assert.match(refused.stderr, /needs Node 24 or later, this is 20\.1\.0\..*install Node 24/s)
})

test('the command takes a line to a statistic, and both modules reach it', async () => {
  const log = join(place, 'site.log')
  writeFileSync(log, '')
  const data = join(place, 'data')
  const ports = ['--kafka-port', '0', '--http-port', '0', '--brokers', '1']
  const command = join(installed(), 'cli/tailrace.js')
  const child = spawn(process.execPath, [command, 'up', '--data', data, '--tail', log, ...ports], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: place,
  })
  try {
    const banner: string[] = []
    for await (const line of createInterface({ input: child.stderr })) {
      banner.push(line)
      if (/http:\/\/\S+\/login#t=/.test(line)) break
    }
    const text = banner.join('\n')
    const origin = /(http:\/\/[\w.:]+)\/login#t=/.exec(text)?.[1]
    const kafka = /\b127\.0\.0\.1:(?!\d+\/)\d+\b/.exec(text.replaceAll(origin!, ''))?.[0]
    assert(origin && kafka, text)
    const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
    const at = `${day}/${month}/${year}:${time} +0000`
    appendFileSync(log, `203.0.113.7 - - [${at}] "GET /packed HTTP/1.1" 200 5 "-" "t" 0.01\n`)
    writeFileSync(join(place, 'use.mjs'), program)
    const use = () =>
      JSON.parse(
        execFileSync(
          process.execPath,
          ['use.mjs', origin, kafka, readFileSync(join(data, 'token'), 'utf8').trim()],
          {
            cwd: place,
            encoding: 'utf8',
          },
        ),
      ) as { requests: number; paths: string[]; lines: string[]; live: string }
    const seen = await eventually(
      'the line is counted',
      async () => use(),
      ({ requests }) => requests === 1,
    )
    assert.deepEqual(seen.paths, ['/packed'])
    assert.match(seen.lines[0]!, /GET \/packed/)
    assert.equal(seen.live, 'overview')
  } finally {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
})

const program = `
import { TailraceApi } from 'tailrace/api'
import { connect } from 'tailrace/client'
const [origin, kafka, token] = process.argv.slice(2)
const api = new TailraceApi({ origin, token })
const stats = await api.stats('requests', { window: '5m' })
const top = await api.top('path', { window: '5m' })
const live = await new Promise((resolve, reject) => {
  const following = api.follow('overview', {}, data => {
    following.close()
    resolve(data.kind)
  }, reject)
})
const client = await connect({ bootstrap: kafka })
const lines = []
for await (const { value } of client.subscribe('logs', { untilEnd: true })) lines.push(value.toString())
client.close()
console.log(JSON.stringify({
  requests: stats.rows[0].values.value,
  paths: top.rows.map(({ value }) => value),
  lines,
  live,
}))
`

test('the types of the public modules are whole', () => {
  writeFileSync(
    join(place, 'typed.ts'),
    `import { TailraceApi, type StatsAnswer } from 'tailrace/api'
import { connect, type ReceivedRecord } from 'tailrace/client'
export async function use(): Promise<[StatsAnswer, ReceivedRecord | null]> {
  const stats = await new TailraceApi().stats('requests', { window: '5m', by: 'path' })
  const client = await connect({ bootstrap: 'localhost:9092' })
  for await (const record of client.subscribe('logs')) return [stats, record]
  // @ts-expect-error a record has a value
  await client.produce('logs', [{ key: 'k' }])
  return [stats, null]
}
`,
  )
  for (const name of ['@types/node', 'undici-types']) link(name)
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', 'node']
  execFileSync(join(root, 'node_modules/.bin/tsc'), [...flags, '--lib', 'esnext,dom', 'typed.ts'], {
    cwd: place,
    stdio: 'inherit',
  })
})
