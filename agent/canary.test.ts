// A secret in a line is in nothing the agent leaves behind: not in what it sends, not in its files, its log, its
// metrics, its status, nor in what a broker refuses and it keeps aside. The agent is a real process.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ScriptedBroker } from '../broker/client/scripted-broker.ts'
import { batchView } from '../broker/protocol/record-batch.ts'
import { walkRecords } from '../broker/protocol/record-walk.ts'
import type { AgentConfig } from './config.ts'
import { shippedRecords } from './shipped-records.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

/** No text of ours has these by chance. */
const secrets = [
  '4929123412341232',
  'canary.person@secret-mail.example',
  '203.0.113.199',
  '2001:db8:77:1234:5678:9abc:def0:1111',
  'c4n4ry-t0ken-0123456789',
  'ORDER-CANARY-77',
] as const
const [card, email, four, six, token, order] = secrets
const lines = [
  `${four} - - [24/Nov/2026:08:00:00 +0000] "GET /pay?card=${card}&m=${email} HTTP/1.1" 200 5 "-" "A"`,
  `${six} - ${email} [24/Nov/2026:08:00:01 +0000] "GET /${order} HTTP/1.1" 500 5 "-" "Bearer ${token}"`,
  `E failed for ${email}\n\tat ${order}\n\tat card ${card}`,
  `{"card":${card},"email":"${email}","ip":"${four}","auth":"Bearer ${token}","o":"${order}"}`,
  // Cut in the middle of the secret, and far behind the limit.
  `${'x'.repeat(1_010)} ${card} ${email}`,
  `${'y'.repeat(1_000)} Bearer ${token} ${'z'.repeat(400_000)} ${order} ${card}`,
  `REFUSED ${email} ${card}`,
]

function filesUnder(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
  return names.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

for (const replace of ['mask', 'hash'] as const) {
  test(`with redaction by ${replace} no secret is in anything the agent sent, wrote, logged or served`, async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'agent-canary-'))
    await using broker = await new ScriptedBroker().listen()
    broker.autoCreatePartitions = 2
    // One record is refused for good: it goes to the quarantine.
    broker.refuses = line => line.startsWith('REFUSED')
    const logs = join(directory.path, 'logs')
    const data = join(directory.path, 'data')
    mkdirSync(logs)
    writeFileSync(join(directory.path, 'key-seed'), 'seed\n')
    writeFileSync(join(logs, 'a.log'), `${lines.join('\n')}\nend\n`)
    const config: AgentConfig = {
      dataDirectory: data,
      bootstrap: [`127.0.0.1:${broker.port}`],
      host: 'web-1',
      keySeedPath: join(directory.path, 'key-seed'),
      inputs: [
        {
          paths: [join(logs, '*.log')],
          format: 'auto',
          topic: 'logs',
          maxLineBytes: 1_020,
          multiline: { continuation: '^\\t', idleMs: 100 },
          redact: {
            cards: true,
            emails: true,
            addresses: true,
            tokens: true,
            patterns: ['ORDER-[A-Z0-9-]+'],
            replace,
          },
        },
      ],
      sweepMs: 20,
      lingerMs: 10,
    }
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, JSON.stringify(config)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TAILRACE_LOG: 'debug' },
      },
    )
    const output: string[] = []
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString('latin1')))
    const out = createInterface({ input: child.stdout })
    out.on('line', line => output.push(line))
    await once(out, 'line')
    const deadline = Date.now() + 60_000
    const hasRefused = () => filesUnder(data).some(path => path.includes('rejected'))
    while (!shippedRecords(broker, 'logs').some(({ line }) => line === 'end') || !hasRefused()) {
      assert(Date.now() < deadline, 'the last line did not come')
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    const served = await statusOf(data)
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended

    const topics = [...broker.topics.keys()]
    const sent = topics.flatMap(topic => shippedRecords(broker, topic).map(record => JSON.stringify(record)))
    assert(sent.length >= lines.length + 2, `${sent.length} records`)
    const written = filesUnder(data).map(path => readFileSync(path).toString('latin1'))
    const aside = recordsOf(readFileSync(join(data, 'rejected')))
    assert.equal(aside.length, 1)
    const everything = [...sent, ...written, ...aside, ...output, ...served]
    for (const secret of secrets) {
      const found = everything.filter(text => text.includes(secret) || text.includes(secret.slice(0, 14)))
      assert.deepEqual(
        found.map(text => text.slice(0, 300)),
        [],
        secret,
      )
    }
    // And what was no secret came through.
    const all = sent.join('\n')
    for (const kept of [
      'GET /pay',
      '203.0.113.0',
      '2001:db8:77::',
      'E failed for',
      '[card',
      '[email',
      '[token',
    ]) {
      assert(all.includes(kept), kept)
    }
  })
}

/** What the batches of a file hold, decompressed. */
function recordsOf(bytes: Buffer): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const batch = bytes.subarray(at, at + batchView.sizeInBytes(bytes, at))
    walkRecords(batch, (_offset, _time, buffer, _ks, _ke, start, end) => {
      lines.push(buffer.toString('latin1', start, end))
    })
    at += batch.length
  }
  return lines
}

/** Everything the status port says, where there is one. */
async function statusOf(data: string): Promise<string[]> {
  const place = filesUnder(data).find(path => path.endsWith('status.json'))
  assert(place)
  const { port, token } = JSON.parse(readFileSync(place, 'utf8')) as { port: number; token?: string }
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answers = await Promise.all(
    ['/metrics', '/status', '/healthz'].map(path => fetch(`http://127.0.0.1:${port}${path}`, { headers })),
  )
  return Promise.all(answers.map(answer => answer.text()))
}
