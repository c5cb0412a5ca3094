// The architecture as data, and the check that the tree obeys it: who may import whom, how long a file
// may be, which names say nothing. Reads sources as text; changes nothing; exits 1 with one line a breach.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'

/** Who may import whom. A key is a folder; the longest key that is a prefix of a file's path is its room. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  'broker/protocol': ['runtime'],
  'broker/client': ['runtime', 'broker/protocol'],
  'broker/log': ['runtime', 'broker/protocol'],
  'broker/metadata': ['runtime'],
  'broker/replication': ['runtime', 'broker/protocol', 'broker/client', 'broker/log', 'broker/metadata'],
  'broker/controller': ['runtime', 'broker/protocol', 'broker/client', 'broker/log', 'broker/metadata'],
  'broker/groups': ['runtime', 'broker/protocol', 'broker/client', 'broker/log', 'broker/metadata'],
  'broker/security': ['runtime', 'broker/protocol', 'broker/client', 'broker/log', 'broker/metadata'],
  'broker/handlers': ['runtime', 'broker'],
  broker: ['runtime', 'broker'],
  'agent/formats': [],
  agent: ['runtime', 'agent', 'broker/client', 'broker/protocol'],
  analytics: ['runtime', 'analytics', 'agent/formats', 'broker/client', 'broker/protocol'],
  dashboard: [
    'dashboard',
    'analytics/http/contract.ts',
    'analytics/http/contract-accounts.ts',
    'analytics/http/contract-agents.ts',
    'analytics/http/contract-alerts.ts',
    'analytics/http/contract-cluster.ts',
    'analytics/http/contract-boards.ts',
    'analytics/http/contract-visits.ts',
    'analytics/http/contract-catalogue.ts',
    'analytics/http/contract-groups.ts',
    'analytics/http/contract-search.ts',
  ],
  fixtures: ['fixtures'],
  cli: ['runtime', 'broker', 'agent', 'analytics', 'cli', 'fixtures'],
  tests: ['runtime', 'broker', 'agent', 'analytics', 'dashboard', 'fixtures', 'cli', 'scripts', 'tests'],
  scripts: ['scripts', 'runtime', 'broker', 'agent', 'analytics', 'cli', 'fixtures', 'tests'],
}
const fileLinesMax = 400
const lineColumnsMax = 120
const emptyNames = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'types', 'index'])
/** Spelled apart so that this file does not find itself. */
const leftovers = [
  ['FIX', 'ME'],
  ['TO', 'DO'],
  ['XX', 'X'],
  ['test.', 'only('],
  ['it.', 'only('],
].map(parts => parts.join(''))

const files = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.tsx', '*.mjs', '*.js'],
  {
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter(path => path !== '' && existsSync(path))

const breaches: string[] = []
const imports = new Map<string, string[]>()
for (const path of files) checkFile(path)
for (const cycle of cyclesOf(imports)) breaches.push(`${cycle[0]}: circular import ${cycle.join(' → ')}`)
for (const breach of breaches) console.error(breach)
console.log(`tidy: ${files.length} files, ${breaches.length} breaches`)
process.exitCode = breaches.length === 0 ? 0 : 1

function checkFile(path: string): void {
  const text = readFileSync(path, 'utf8')
  const lines = text.split('\n')
  const stem = basename(path).replace(/\.(test\.)?(tsx?|mjs|js)$/, '')
  if (emptyNames.has(stem)) breaches.push(`${path}: a file named "${stem}" says nothing; name what it holds`)
  if (lines.length > fileLinesMax + 1) {
    breaches.push(`${path}: ${lines.length - 1} lines, more than ${fileLinesMax}: a second noun hides in it`)
  }
  lines.forEach((line, index) => {
    if (line.length > lineColumnsMax)
      breaches.push(`${path}:${index + 1}: ${line.length} columns, more than ${lineColumnsMax}`)
    const leftover = leftovers.find(word => line.includes(word))
    if (leftover) breaches.push(`${path}:${index + 1}: ${leftover} left behind`)
  })
  if (!/^(#!.*\n)?(\/\/|\/\*)/.test(text))
    breaches.push(`${path}: does not open with what it promises and may touch`)
  const targets: string[] = []
  for (const match of text.matchAll(
    /^\s*(?:import|export)\s+(?:type\s+)?[^'"]*?from\s+'(\.[^']+)'|^\s*import\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm,
  )) {
    const target = normalize(join(dirname(path), (match[1] ?? match[2] ?? match[3])!))
    if (!match[0].includes('import type')) targets.push(target)
    checkImport(path, target)
  }
  imports.set(path, targets)
}

function checkImport(path: string, target: string): void {
  const from = roomOf(path)
  const to = roomOf(target)
  if (from === undefined || from === to || /\.(css|svg)$/.test(target) || target === 'package.json') return
  // A test may bring in a neighbour to play the other side of the conversation.
  if (/\.test\.tsx?$/.test(path)) return
  const allowed = mayImport[from]!.some(room => target === room || target.startsWith(`${room}/`))
  if (!allowed) breaches.push(`${path}: ${from} may not import ${target}`)
}

function roomOf(path: string): string | undefined {
  return Object.keys(mayImport)
    .filter(room => path === room || path.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0]
}

/** Every import cycle once, found depth first. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = []
  const done = new Set<string>()
  const visit = (path: string, trail: string[]) => {
    const at = trail.indexOf(path)
    if (at >= 0) {
      found.push([...trail.slice(at), path])
      return
    }
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return found
}
