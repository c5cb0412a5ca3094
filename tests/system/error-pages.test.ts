// The pages that tell what to do know every error there is: what the sources can print is collected from the sources.
// And the threat table names tests that exist, the upgrade table the formats of this version. Reads files only.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ErrorName, errors } from '../../broker/protocol/errors.ts'
import { formats } from '../../cli/formats.ts'
import { exitCodes } from '../../runtime/lifecycle.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
const sources = files.filter(path => /^(agent|analytics|broker)\/.*(?<!\.test)\.ts$/.test(path)).map(read)
const troubleshooting = read('docs/troubleshooting.md')
/** First cells of the tables below a heading; several names stand side by side. */
const known = (heading: string) => {
  const section = troubleshooting.split(/^## /m).find(part => part.startsWith(`${heading}\n`))
  assert(section, heading)
  return new Set(
    [...section.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
    ),
  )
}

function missing(heading: string, found: Iterable<string>): string[] {
  const there = known(heading)
  return [...new Set(found)].filter(name => !there.has(name)).sort()
}

test('every exit code is on the page', () => {
  const codes = Object.values(exitCodes).map(String)
  assert.deepEqual(missing('Exit codes', codes), [])
})

test('every problem of the API is on the page', () => {
  const calls = /ProblemError\(\s*\w+,\s*(?:'([\w-]+)'|`(unknown-)\$\{\w+\}`)/g
  const found = sources.flatMap(text => [...text.matchAll(calls)].map(([, kind, stem]) => kind ?? `${stem}…`))
  assert(found.length > 60, 'the sources are read')
  assert.deepEqual(missing('Problems of the API', found), [])
})

test('every reason of the loss ledger is on the page', () => {
  const unions = sources.flatMap(text => [...text.matchAll(/type LossReason =((?:\s*\| '[^']+')+)/g)])
  const names = unions.flatMap(([, union]) => [...union!.matchAll(/'([^']+)'/g)].map(([, name]) => name!))
  assert.equal(unions.length, 2)
  const ofBrokers = [
    .../readonly reason: (('[a-z-]+'( \| )?)+)/
      .exec(read('broker/loss-report.ts'))![1]!
      .matchAll(/'([^']+)'/g),
  ].map(([, name]) => name!)
  assert.deepEqual(missing('Reasons of the ledger', [...names, ...ofBrokers, 'statistics-lost']), [])
})

test('every refusal that the API passes on from the brokers is on the page', () => {
  const table = /const refusals[^{]+\{(.*?)^\}/ms.exec(read('analytics/admin/refusal.ts'))![1]!
  const names = [...table.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name!)
  const kinds = names.map(name => name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`))
  assert(kinds.length > 15)
  assert.deepEqual(missing('What brokers refuse', kinds), [])
})

test('every error that a Kafka client can be told is on the page, with its number, and no other', () => {
  const answering = files.filter(
    path =>
      /^broker\/.*(?<!\.test)\.ts$/.test(path) && !/^broker\/(client\/|protocol\/errors\.ts)/.test(path),
  )
  const text = answering.map(read).join('\n')
  const names = (Object.keys(errors) as ErrorName[]).filter(
    name => name !== 'none' && new RegExp(`'${name}'|errorCodes\\.${name}\\b`).test(text),
  )
  assert(names.length > 50, 'the sources are read')
  const kafkaName = (name: string) => name.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
  const answered = names.map(name => [
    kafkaName(name),
    errors[name].code,
    errors[name].retriable ? 'yes' : 'no',
  ])
  const section = troubleshooting
    .split(/^## /m)
    .find(part => part.startsWith('Errors of the Kafka protocol'))!
  const told = [...section.matchAll(/^\| (`[^|]+) \| ([^|]+) \| (yes|no) \|/gm)].flatMap(
    ([, cell, codes, again]) => {
      const numbers = codes!.split(', ').map(Number)
      return [...cell!.matchAll(/`([^`]+)`/g)].map(([, name], index) => [name!, numbers[index], again!])
    },
  )
  assert.deepEqual(told.sort(), answered.sort())
})

test('every sentence of an agent that cannot read a file is on the page', () => {
  const agent = files.filter(path => /^agent\/.*(?<!\.test)\.ts$/.test(path)).map(read)
  // Up to the first quote or value.
  const found = agent.flatMap(text =>
    [...text.matchAll(/[`'](Cannot [a-z][^`'"$:]{4,60}?)[ :"]*(?=["`'$:])/g)].map(([, words]) =>
      words!.trim(),
    ),
  )
  assert(found.length > 5)
  const page = troubleshooting.replaceAll(/\s+/g, ' ')
  assert.deepEqual(
    [...new Set(found)].filter(words => !page.includes(words)),
    [],
  )
})

test('each test that the threat table names exists', () => {
  const table = read('docs/security.md').matchAll(/`([\w./-]+\.test\.ts)`/g)
  const names = [...table].map(([, name]) => name!)
  assert(names.length > 30)
  // One file each: by its name alone where no other has it.
  assert.deepEqual(
    names.filter(name => files.filter(path => path === name || path.endsWith(`/${name}`)).length !== 1),
    [],
  )
  const threats = read('docs/security.md')
    .split(/^## /m)
    .find(part => part.startsWith('Threats'))!
  const rows = threats.split('\n').filter(line => /^\| (?!Threat )/.test(line))
  assert(rows.length > 20)
  assert.deepEqual(
    rows.filter(row => !/`tests\/\w+`|\.test\.ts/.test(row.split('|').at(-2)!)),
    [],
  )
})

test('docs/install.md lists the formats of this version', () => {
  const rows = [...read('docs/install.md').matchAll(/^\| `(\w+)` \| .* \| (\d+) \|$/gm)]
  assert.deepEqual(Object.fromEntries(rows.map(([, name, number]) => [name, Number(number)])), formats)
})
