// A backup of a whole appliance, made while lines flow: restored elsewhere it counts exactly what it had counted,
// and goes on with every line that came since, once each. With the log, and without.
import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../../cli/run-command.ts'
import { eventually } from '../eventually.ts'
import { freePorts } from './appliance.ts'
import { Terminal } from './terminal.ts'

const linesOf = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => {
    const event = {
      timestamp: new Date().toISOString(),
      type: 'track',
      event: 'Seen',
      messageId: `m${from + at}`,
    }
    return `${JSON.stringify({ ...event, anonymousId: `a${at % 7}` })}\n`
  }).join('')

test('a backup is restored, starts, counts what it had counted, and goes on', {
  timeout: 120_000,
}, async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-backup-'))
  const at = (path: string) => join(directory.path, path)
  await mkdir(at('in'))
  await writeFile(at('in/a.jsonl'), linesOf(0, 500))
  await using terminal = await Terminal.open(directory.path, await freePorts(1))
  const counted = (data: string, count: number) =>
    eventually(
      `${count} lines counted in ${data}`,
      () =>
        terminal.json<{ rows: { values: { value: number } }[] }>(
          `tailrace query lines --window 1h --json --data ${data}`,
        ),
      ({ rows }) => rows[0]?.values.value === count,
    )
  const tail = `--tail '${at('in/*.jsonl')}'`
  await terminal.type(`tailrace up --brokers 1 --data first ${tail}`)
  await counted('first', 500)
  await terminal.type('tailrace backup create whole --with-log --data first')
  await terminal.type('tailrace backup create small --data first')
  await terminal.type('tailrace backup verify whole')
  await appendFile(at('in/a.jsonl'), linesOf(500, 800))
  await counted('first', 800)
  await terminal.type('tailrace backup restore whole --data second')
  await terminal.type('tailrace up --data second --no-agent')
  await counted('second', 500)
  await terminal.type(`tailrace up --data second ${tail}`)
  await counted('second', 800)
  await terminal.type('tailrace backup restore small --data third')
  await terminal.type(`tailrace up --brokers 1 --data third ${tail}`)
  await counted('third', 800)
})

test('a changed backup is refused, and so is a directory that is not empty', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-backup-'))
  await using terminal = await Terminal.open(directory.path, await freePorts(1))
  await terminal.type('tailrace up --brokers 1 --data first --no-agent')
  await terminal.type('tailrace backup create kept --data first')
  const refusal = async (...args: string[]) => {
    const { code, errors, output } = await runCommand(directory.path, ['backup', ...args])
    assert.equal(output, '')
    return [code, errors] as const
  }
  const [code, errors] = await refusal('restore', 'kept', '--data', 'first')
  assert.equal(code, 1)
  assert.match(errors, /it is not empty/)
  const token = await readFile(join(directory.path, 'kept/token'), 'utf8')
  await writeFile(
    join(directory.path, 'kept/token'),
    token.replace(/^./, letter => (letter === 'x' ? 'y' : 'x')),
  )
  assert.match((await refusal('verify', 'kept'))[1], /token" is not what was backed up/)
  assert.equal((await refusal('restore', 'kept', '--data', 'second'))[0], 1)
  assert.deepEqual((await readdir(directory.path)).sort(), ['first', 'kept', 'tailrace'])
})
