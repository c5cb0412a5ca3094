// DuckDB as a second opinion: fetched by npm into a directory of the test's own, loaded from there, asked in SQL. No
// dependency of the appliance, and nothing of it stays. Needs the network.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const version = '1.5.6-r.1'

export type SqlValue = number | string | null
export type SqlRow = Readonly<Record<string, SqlValue>>

export interface DuckDb {
  run(sql: string): Promise<void>
  /** Integers of 64 and 128 bits come as numbers; what does not fit fails. */
  rows(sql: string): Promise<SqlRow[]>
  close(): void
}

interface Reader {
  getRowObjectsJS(): Record<string, unknown>[]
}

interface Connection {
  run(sql: string): Promise<unknown>
  runAndReadAll(sql: string): Promise<Reader>
  closeSync(): void
}

interface Module {
  readonly DuckDBInstance: { create(path: string): Promise<{ connect(): Promise<Connection> }> }
}

export async function startDuckDb(directory: string): Promise<DuckDb> {
  writeFileSync(join(directory, 'package.json'), '{"private":true}')
  const wanted = `@duckdb/node-api@${version}`
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock']
  execFileSync('npm', ['install', ...options, wanted], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const { DuckDBInstance } = createRequire(join(directory, 'package.json'))('@duckdb/node-api') as Module
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run(`SET threads = 1; SET memory_limit = '1GB'; SET TimeZone = 'UTC'`)
  return {
    run: async sql => void (await connection.run(sql)),
    rows: async sql => {
      const reader = await connection.runAndReadAll(sql)
      return reader.getRowObjectsJS().map(row => {
        return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]))
      })
    },
    close: () => connection.closeSync(),
  }
}

function plain(value: unknown): SqlValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (typeof value !== 'bigint') throw new Error(`Neither a number nor a text: ${String(value)}`)
  if (!Number.isSafeInteger(Number(value))) throw new Error(`Too large a number: ${value}`)
  return Number(value)
}
