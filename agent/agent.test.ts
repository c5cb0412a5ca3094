// The whole agent in this process, against a scripted broker over a real socket.
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { partitionForKey } from '../broker/protocol/murmur2.ts'
import { walkRecords } from '../broker/protocol/record-walk.ts'
import { systemClock } from '../runtime/clock.ts'
import { ExitError } from '../runtime/lifecycle.ts'
import { createLog } from '../runtime/log.ts'
import { Agent } from './agent.ts'
import { access, agentScene } from './agent-scene.ts'
import { countLines, shippedRecords } from './shipped-records.ts'

const quiet = createLog('test', () => {})

test('a record is the line, keyed by its visitor, with src, pos and format', async () => {
  await using s = await agentScene()
  writeFileSync(s.at('a.log'), `${access(1)}\n${access(51)}\n${access(1)}\n`)
  const before = Date.now()
  const agent = await s.start()
  await s.until(() => s.lines('logs').length === 3)
  const records = shippedRecords(s.broker, 'logs').sort(
    (a, b) => Number(a.headers['pos']) - Number(b.headers['pos']),
  )
  assert.deepEqual(
    records.map(record => record.line),
    [access(1), access(51), access(1)],
  )
  const positions = [0, access(1).length + 1, access(1).length + access(51).length + 2]
  assert.deepEqual(
    records.map(record => record.headers['pos']),
    positions.map(String),
  )
  for (const record of records) {
    assert.match(record.key, /^[0-9a-f]{16}$/)
    assert.equal(record.partition, partitionForKey(Buffer.from(record.key), 6))
    assert.deepEqual(Object.keys(record.headers), ['src', 'pos', 'format'])
    assert(record.headers['src']!.startsWith(`${agent.agentId}.`) && record.headers['src']!.length <= 32)
    assert.equal(record.headers['format'], 'combined')
    assert(record.timestamp >= before && record.timestamp <= Date.now())
  }
  assert.equal(records[0]!.key, records[2]!.key)
  assert.notEqual(records[0]!.key, records[1]!.key)
  const client = [...s.broker.clientIds]
  assert.match(client[0]!, new RegExp(`^tailrace-agent/${agent.agentId}/[0-9a-z]{8}$`))
})

test('the format of a file chooses its topic', async () => {
  await using s = await agentScene()
  writeFileSync(s.at('a.log'), `${access(1)}\n`)
  writeFileSync(
    s.at('b.log'),
    '{"timestamp":"2026-11-24T08:00:00.123Z","type":"page","anonymousId":"u1","path":"/","messageId":"m"}\n',
  )
  writeFileSync(
    s.at('c.log'),
    '{"timestamp":"2026-11-24T08:00:00Z","host":"web-1","name":"cpu.utilization","value":0.4,"unit":"1"}\n',
  )
  await s.start()
  await s.until(() => ['logs', 'behavior', 'metrics'].every(topic => s.lines(topic).length === 1))
  const metric = shippedRecords(s.broker, 'metrics')[0]!
  assert.deepEqual([metric.headers['format'], metric.headers['host']], ['metrics', 'web-1'])
  assert.equal(shippedRecords(s.broker, 'behavior')[0]!.headers['format'], 'json')
})

test('after a clean stop nothing is sent twice, and rotation while down loses nothing', async () => {
  await using s = await agentScene()
  const lines = Array.from({ length: 3_000 }, (_, index) => access(index))
  writeFileSync(s.at('a.log'), `${lines.slice(0, 1_000).join('\n')}\n`)
  const first = await s.start()
  await s.until(() => s.lines('logs').length === 1_000)
  await first.stop()
  appendFileSync(s.at('a.log'), `${lines.slice(1_000, 2_000).join('\n')}\n`)
  renameSync(s.at('a.log'), s.at('a.log.1'))
  writeFileSync(s.at('a.log'), `${lines.slice(2_000).join('\n')}\n`)
  await s.start()
  await s.until(() => s.lines('logs').length >= 3_000)
  assert.equal(s.lines('logs').length, 3_000)
  assert.deepEqual(s.lines('logs').sort(), lines.sort())
  assert.equal(s.lines('__tailrace_losses').length, 0)
})

test('a src that was closed by a restart is declared finished, with the position it ended at', async () => {
  await using s = await agentScene()
  writeFileSync(s.at('a.log'), `${access(1)}\n`)
  const first = await s.start()
  await s.until(() => s.lines('logs').length === 1)
  const { src } = shippedRecords(s.broker, 'logs')[0]!.headers
  await first.stop()
  await s.start()
  const finished = () =>
    shippedRecords(s.broker, '__tailrace_agents').filter(record => record.key === `finished:${src}`)
  await s.until(() => finished().length === 1)
  assert.deepEqual(JSON.parse(finished()[0]!.line), { finished: src, end: `${access(1).length + 1}` })
})

test('a second agent on the same data directory is refused with a sentence', async () => {
  await using s = await agentScene()
  await s.start()
  assert.throws(
    () => new Agent(s.config, systemClock, quiet),
    (error: unknown) => error instanceof ExitError && /another agent is using/.test(error.message),
  )
})

test('a checkpoint of a newer format is refused with a sentence, and left as it is', async () => {
  await using s = await agentScene()
  const first = await s.start()
  await first.stop()
  const body = '{"format":9,"files":[]}'
  const newer = `tailrace-checkpoint ${crc32(body)} ${body.length}\n${body}`
  writeFileSync(s.data('checkpoint'), newer)
  const isRefusal = (error: unknown) =>
    error instanceof ExitError &&
    error.exitCode === 78 &&
    /its format is 9, written by a newer Tailrace/.test(error.message)
  // Twice: the first refusal leaves no lock behind.
  for (let turn = 0; turn < 2; turn++) assert.throws(() => new Agent(s.config, systemClock, quiet), isRefusal)
  assert.equal(readFileSync(s.data('checkpoint'), 'utf8'), newer)
})

test('a lost checkpoint is in the ledger before anything is counted again; a first start is not', async () => {
  await using s = await agentScene()
  writeFileSync(s.at('a.log'), `${access(1)}\n`)
  const first = await s.start()
  await s.until(() => s.lines('logs').length === 1)
  assert.equal(s.lines('__tailrace_losses').length, 0)
  await first.stop()
  rmSync(s.data('checkpoint'))
  rmSync(s.data('checkpoint.previous'))
  let attempts = 0
  s.broker.fault = topic => {
    if (topic === 'logs') assert.equal(s.lines('__tailrace_losses').length, 1)
    return topic === '__tailrace_losses' && attempts++ < 3 ? { error: 'notEnoughReplicas' } : null
  }
  await s.start()
  await s.until(() => s.lines('logs').length === 2)
  const entries = shippedRecords(s.broker, '__tailrace_losses')
  assert.equal(entries.length, 1)
  assert.match(entries[0]!.key, new RegExp(`^${first.agentId}:\\d+::checkpoint-lost$`))
  assert.equal(countLines(shippedRecords(s.broker, 'logs')).get(access(1)), 2)
})

test('nothing leaves before its checkpoint is durable: what the broker has, the checkpoint knows', async () => {
  await using s = await agentScene()
  let checked = 0
  s.broker.fault = topic => {
    if (topic !== 'logs') return null
    const checkpoint = readFileSync(s.data('checkpoint'), 'utf8')
    const saved = JSON.parse(checkpoint.slice(checkpoint.indexOf('\n'))).files[0]
    assert(saved.ranges[0].mark > 0)
    checked++
    return null
  }
  writeFileSync(s.at('a.log'), `${access(1)}\n`)
  await s.start()
  await s.until(() => s.lines('logs').length === 1)
  assert(checked > 0)
})

test('one record that the broker refuses goes to the ledger, the others around it arrive', async () => {
  await using s = await agentScene()
  s.broker.refuses = value => value.includes('/p/7 ')
  const lines = Array.from({ length: 20 }, (_, index) => access(index * 50))
  lines[7] = access(7)
  writeFileSync(s.at('a.log'), `${lines.join('\n')}\n`)
  await s.start()
  await s.until(() => s.lines('logs').length === 19 && s.lines('__tailrace_losses').length === 1)
  const entry = JSON.parse(s.lines('__tailrace_losses')[0]!)
  assert.deepEqual([entry.reason, entry.lines], ['record-rejected', 1])
  assert.match(entry.detail, /messageTooLarge/)
  const rejected: string[] = []
  walkRecords(readFileSync(s.data('rejected')), (_offset, _time, buffer, _ks, _ke, start, end) => {
    rejected.push(buffer.toString('latin1', start, end))
  })
  assert.deepEqual(rejected, [access(7)])
})

test('a broker whose clock is behind ours gets earlier timestamps, and every line', async () => {
  await using s = await agentScene()
  s.broker.fault = (topic, _partition, batch) => {
    return topic === 'logs' && batch < 4 ? { error: 'invalidTimestamp' } : null
  }
  writeFileSync(s.at('a.log'), `${access(1)}\n`)
  await s.start()
  await s.until(() => s.lines('logs').length === 1)
  assert(shippedRecords(s.broker, 'logs')[0]!.timestamp < Date.now() - 3_600_000)
  assert.equal(s.lines('__tailrace_losses').length, 0)
})

test('a broker that does not know the topic yet, or is away, is waited for; memory stays bounded', async () => {
  await using s = await agentScene()
  s.broker.autoCreatePartitions = 0
  writeFileSync(s.at('a.log'), `${access(1)}\n`)
  const agent = await s.start()
  await s.until(() => s.broker.requests.filter(name => name === 'metadata').length >= 2)
  assert.equal(s.lines('logs').length, 0)
  s.broker.autoCreatePartitions = 2
  await s.until(() => s.lines('logs').length === 1)
  const { port } = s.broker
  await s.broker.stop()
  appendFileSync(s.at('a.log'), `${access(2)}\n`)
  await s.broker.listen(port)
  await s.until(() => s.lines('logs').length === 2)
  assert.equal(agent.agentId.length, 8)
})
