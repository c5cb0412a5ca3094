// Set-up for `npm start`, `npm test` and `npm run check`: installs what the lock file names when it
// changed, and builds the page when its sources changed. A browser for tests is found later, by find-browser.ts.
// Plain JavaScript without dependencies: it runs on Node 18 and later, before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const modules = join(root, 'node_modules')
const stampPath = join(modules, '.tailrace-setup.json')
const purpose = process.argv[2] ?? 'run'

const major = Number(process.versions.node.split('.')[0])
if (major < 18) {
  fail(
    `Node ${process.versions.node} is too old: install Node 20 or later (https://nodejs.org), then run this again.`,
  )
}

const stamp = readStamp()
// Test tools that are there stay there: `npm start` in a developer's checkout must not take them away.
const wantsDevelopment = purpose !== 'run' || stamp.development === true
const lock = digestOf([join(root, 'package-lock.json')])
if (stamp.lock !== lock || (wantsDevelopment && !stamp.development)) install()
buildPage()

function install() {
  say(wantsDevelopment ? 'installing dependencies and test tools' : 'installing dependencies')
  const args = ['ci', '--no-fund', '--no-audit', '--loglevel=error']
  if (!wantsDevelopment) args.push('--omit=dev')
  const environment = {
    ...process.env,
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1',
    npm_config_update_notifier: 'false',
  }
  // zstd-napi compiles where its prebuilt binary cannot be fetched. The headers it needs ship in the
  // Node package that this same install brings, so the compilation is done afterwards, pointed at them.
  run('npm', [...args, '--ignore-scripts'], environment)
  const headers = nodePackage()
  if (headers) environment.npm_config_nodedir = headers
  if (!loads('zstd-napi')) {
    say('building zstd-napi (about a minute, once)')
    run('npm', ['rebuild', 'zstd-napi', '--loglevel=error'], environment)
  }
  for (const name of ['better-sqlite3', 'koffi', 'zstd-napi', '@node-rs/crc32']) {
    if (!loads(name))
      fail(`The native module ${name} does not load. Install python3, make and g++, then run this again.`)
  }
  writeFileSync(stampPath, JSON.stringify({ lock, development: wantsDevelopment }))
}

/** Native modules must load under the Node that runs the product, the project's own 24, not under this one. */
function loads(name) {
  const node = projectNode()
  const probe =
    name === 'better-sqlite3' ? `new (require('better-sqlite3'))(':memory:').close()` : `require('${name}')`
  return spawnSync(node, ['-e', probe], { cwd: root, stdio: 'ignore' }).status === 0
}

function buildPage() {
  const sources = filesUnder(join(root, 'dashboard')).concat(
    join(root, 'analytics/http/contract.ts'),
    join(root, 'package-lock.json'),
  )
  if (!existsSync(join(root, 'dashboard/index.html'))) return
  const page = digestOf(sources)
  const pageStamp = join(root, 'dashboard/dist/.sources')
  if (existsSync(pageStamp) && readFileSync(pageStamp, 'utf8') === page) return
  say('building the dashboard')
  run(
    projectNode(),
    [join(modules, 'vite/bin/vite.js'), 'build', '--logLevel', 'warn', join(root, 'dashboard')],
    process.env,
  )
  mkdirSync(dirname(pageStamp), { recursive: true })
  writeFileSync(pageStamp, page)
}

function nodePackage() {
  const names = [`node-${process.platform}-${process.arch}`, 'node']
  return names
    .map(name => join(modules, name))
    .find(path => existsSync(join(path, 'include/node/node_api.h')))
}

function projectNode() {
  const own = join(modules, '.bin/node')
  return existsSync(own) ? own : process.execPath
}

function filesUnder(directory) {
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .sort()
    .flatMap(name => {
      const path = join(directory, name)
      if (name === 'dist' || name === 'node_modules') return []
      return statSync(path).isDirectory() ? filesUnder(path) : [path]
    })
}

function digestOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths)
    if (existsSync(path)) hash.update(path.slice(root.length)).update(readFileSync(path))
  return hash.digest('hex')
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampPath, 'utf8'))
  } catch {
    return {}
  }
}

function run(command, args, environment) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (result.status !== 0)
    fail(`\`${command} ${args.join(' ')}\` failed. The lines above say why; nothing was started.`)
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`)
}

function fail(text) {
  process.stderr.write(`setup: ${text}\n`)
  process.exit(1)
}
