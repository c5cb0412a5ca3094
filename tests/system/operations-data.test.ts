// docs/operations.md where the data is lost, restored or moved: its blocks typed in on one machine, with lines that
// come before and after. Each line is counted once at every station.
import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { freePorts } from './appliance.ts'
import { commandsOf, Terminal } from './terminal.ts'

interface Answer {
  readonly rows: readonly { readonly values: { readonly value: number } }[]
}

function eventLines(from: number, to: number): string {
  let text = ''
  for (let number = from; number < to; number++) {
    const event = {
      timestamp: new Date().toISOString(),
      type: 'track',
      event: 'Seen',
      messageId: `m${number}`,
    }
    text += `${JSON.stringify({ ...event, anonymousId: `a${number % 7}` })}\n`
  }
  return text
}

test('statistics that are lost, restored or moved count every line once', { timeout: 200_000 }, async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-data-'))
  const at = (name: string) => join(directory.path, name)
  writeFileSync(at('tailrace.yaml'), `brokers: 1\ninputs:\n  - paths: ['${at('*.jsonl')}']\n`)
  let written = 0
  const write = (count: number) => {
    appendFileSync(at('a.jsonl'), eventLines(written, written + count))
    written += count
  }
  write(500)
  await using terminal = await Terminal.open(directory.path, await freePorts(1))
  const counted = (data: string) =>
    eventually(
      `${written} lines are counted in ${data}`,
      () => terminal.json<Answer>(`tailrace query lines --window 1h --json --data ${data}`),
      ({ rows }) => rows[0]?.values.value === written,
    )
  const typed = async (kind: string) => {
    const commands = await commandsOf('docs/operations.md', kind)
    assert(commands.length > 2, kind)
    for (const line of commands) await terminal.type(line)
  }
  await terminal.type('tailrace up')
  await counted('data')

  await typed('sh statistics')
  await counted('data')
  const losses = await terminal.json<{ reasons: { reason: string }[] }>(lossesOf('data'))
  assert(losses.reasons.some(({ reason }) => reason === 'statistics-lost'))

  // Lines that come after the backup, and are still in their file.
  write(100)
  await counted('data')
  await typed('sh restore')
  write(100)
  await counted('restored')

  await terminal[Symbol.asyncDispose]()
  await typed('sh moving')
  write(100)
  await counted('new-host/data')
})

function lossesOf(data: string): string {
  return (
    `curl -sf -H "Authorization: Bearer $(cat ${data}/token)" ` +
    `"http://127.0.0.1:$TAILRACE_HTTP_PORT/api/v1/losses"`
  )
}

test('the sections that operators look for are there', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')
  const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
  for (const wanted of [
    'Lose a disk',
    'A full disk',
    'Lose the statistics',
    'Back up and restore everything',
    'Move to another host',
  ])
    assert(headings.includes(wanted), wanted)
})
