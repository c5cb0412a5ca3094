// Each room is started on what a newer version has left: it ends with 78 and one sentence that names the numbers and
// the commands that help, and leaves the file as it is. Starts the product's own processes.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import Database from 'better-sqlite3'
import { formats } from '../../cli/formats.ts'
import { runCommand } from '../../cli/run-command.ts'
import { freePorts } from './appliance.ts'
import { Terminal } from './terminal.ts'

function raise(path: string, format: number): void {
  const file = new Database(path)
  file.pragma(`user_version = ${format}`)
  file.close()
}

function raiseCheckpoint(path: string, format: number): void {
  const body = JSON.stringify({ format, files: [] })
  writeFileSync(path, `tailrace-checkpoint ${crc32(body)} ${body.length}\n${body}`)
}

function raiseLog(path: string, format: number): void {
  writeFileSync(path, readFileSync(path, 'latin1').replace(/version=\d+/, `version=${format}`))
}

function raiseData(path: string, format: number): void {
  writeFileSync(path, JSON.stringify({ format, created: new Date(0).toISOString() }))
}

interface Row {
  readonly name: keyof typeof formats
  readonly path: string
  raise(path: string, format: number): void
}

const table: readonly Row[] = [
  { name: 'data', path: 'format', raise: raiseData },
  { name: 'log', path: 'broker-1/meta.properties', raise: raiseLog },
  { name: 'metadata', path: 'metadata.db', raise },
  { name: 'statistics', path: 'analytics/windows.db', raise },
  { name: 'app', path: 'analytics/app.db', raise },
  { name: 'enrolments', path: 'analytics/enrolments.db', raise },
  { name: 'checkpoint', path: 'agent/checkpoint', raise: raiseCheckpoint },
]

test('every room refuses a newer format with what to do', { timeout: 120_000 }, async t => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-formats-'))
  const at = (name: string) => join(directory.path, name)
  writeFileSync(at('a.log'), 'a line\n')
  {
    await using terminal = await Terminal.open(directory.path, await freePorts(1))
    await terminal.type(`tailrace up --brokers 1 --data data --tail '${at('*.log')}'`)
  }
  assert.deepEqual(table.map(row => row.name).sort(), Object.keys(formats).sort())
  const ports = ['--kafka-port', '0', '--http-port', '0']
  for (const row of table) {
    await t.test(row.name, async () => {
      const path = at(`data/${row.path}`)
      row.raise(path, 99)
      const newer = readFileSync(path)
      const { code, errors } = await runCommand(directory.path, ['up', '--data', 'data', ...ports])
      assert.equal(code, 78, errors)
      const known = formats[row.name]
      assert.match(
        errors,
        new RegExp(`its format is 99, written by a newer Tailrace; this one reads up to ${known}\\.`),
      )
      assert.match(errors, /Start the newer Tailrace again: git pull && npm start in a clone/)
      assert.deepEqual(readFileSync(path), newer)
      row.raise(path, known)
    })
  }
})

test('the statistics of a newer version name the copy that this one reads', async () => {
  const { openStore } = await import('../../analytics/store/schema.ts')
  const { migrations } = await import('../../analytics/store/migrations/list.ts')
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-formats-'))
  const path = join(directory.path, 'windows.db')
  openStore(path).close()
  const next = formats.statistics + 1
  openStore(path, [...migrations, { version: next, sql: 'CREATE TABLE later(id)' }]).close()
  const goBack = `rm -f "${path}-wal" "${path}-shm" && mv "${path}.before-v${next}" "${path}"`
  assert.throws(
    () => openStore(path),
    (error: Error) => error.message.endsWith(`with everything stopped: ${goBack}`),
  )
})

test('tailrace version --json prints every format', async () => {
  const { code, output } = await runCommand(tmpdir(), ['version', '--json'])
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(output).formats, formats)
})
