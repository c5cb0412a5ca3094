// `tailrace log dump PATH`: what lies in the files of a partition, and whether they agree. Reads only; rows go to
// standard output, what is wrong to standard error too, and any mismatch makes the exit code 1.
import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { realDisk } from '../broker/log/disk.ts'
import { type DumpedBatch, type DumpedRecord, dumpFile } from '../broker/log/dump-log.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

interface DumpFlags {
  readonly deep?: boolean
  readonly json?: boolean
}

export function addLogCommands(log: Command): void {
  log
    .command('dump <path>')
    .description('print and check segments, indexes, snapshots and checkpoints: a file, a partition, or all')
    .option('--deep', 'the records within the batches, too')
    .option('--json', 'one JSON object a file on standard output')
    .action((path: string, flags: DumpFlags) => {
      const problems = dumpPath(resolve(path), flags, text => process.stdout.write(text))
      for (const problem of problems) process.stderr.write(`${problem}\n`)
      process.exitCode = problems.length === 0 ? 0 : 1
    })
}

/** What is wrong, each with its file. */
export function dumpPath(
  path: string,
  { deep = false, json = false }: DumpFlags,
  write: (text: string) => void,
) {
  const problems: string[] = []
  const files = filesOf(path)
  let known = 0
  for (const file of files) {
    const rows: object[] = []
    const faults: string[] = []
    let isNamed = false
    const row = (one: object) => {
      if (json) {
        rows.push(one)
        return
      }
      if (!isNamed) write(`Dumping ${file}\n`)
      isNamed = true
      write(textOf(one))
    }
    if (!dumpFile(realDisk, file, { deep }, { row, problem: text => faults.push(text) })) continue
    known++
    if (json) write(`${JSON.stringify({ file, rows, problems: faults })}\n`)
    else for (const fault of faults) write(`  MISMATCH ${fault}\n`)
    problems.push(...faults.map(fault => `${file}: ${fault}`))
  }
  if (known === 0) throw new ExitError(exitCodes.usage, `Nothing to dump at "${path}": no file of a log`)
  return problems
}

/** A file; those of a partition; or those of all partitions of a broker, with its own checkpoints. */
function filesOf(path: string): string[] {
  const status = statSync(path, { throwIfNoEntry: false })
  if (!status) throw new ExitError(exitCodes.usage, `Cannot dump "${path}": there is no such file`)
  if (!status.isDirectory()) return [path]
  const entries = readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap(entry => {
    const inside = join(path, entry.name)
    if (!entry.isDirectory()) return [inside]
    return /-\d+$/.test(entry.name) ? filesOf(inside) : []
  })
}

function textOf(row: object): string {
  const { records, ...rest } = row as Partial<DumpedBatch>
  const line = Object.entries(rest)
    .map(([name, value]) => `${name}: ${value}`)
    .join(' ')
  return `${line}\n${(records ?? []).map(recordText).join('')}`
}

function recordText(record: DumpedRecord): string {
  const { offset, timestamp, keyBytes, valueBytes, key, value } = record
  const sizes = `keyBytes: ${key === null ? -1 : keyBytes} valueBytes: ${value === null ? -1 : valueBytes}`
  return `| offset: ${offset} timestamp: ${timestamp} ${sizes} key: ${quoted(key)} value: ${quoted(value)}\n`
}

function quoted(text: string | null): string {
  return text === null ? 'null' : JSON.stringify(text)
}
