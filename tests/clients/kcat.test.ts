// kcat (librdkafka) against our broker, where it is installed: the client that most others are built on.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { BrokerProcess } from './broker-process.ts'

const isInstalled = spawnSync('kcat', ['-V']).status === 0
const topic = 'shop'
const perCodec = 120
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

async function run(broker: BrokerProcess, args: readonly string[], input = ''): Promise<string> {
  const child = spawn('kcat', ['-b', broker.address, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(input)
  const [output, errors, code] = await Promise.all([
    child.stdout.toArray().then(chunks => Buffer.concat(chunks).toString()),
    child.stderr.toArray().then(chunks => Buffer.concat(chunks).toString()),
    new Promise<number | null>(resolve => child.once('exit', resolve)),
  ])
  assert.equal(code, 0, errors)
  return output
}

async function produce(broker: BrokerProcess, name: string): Promise<string[]> {
  const sent: string[] = []
  for (const codec of codecs) {
    const values = Array.from({ length: perCodec }, (_, index) => `${name} ${codec} ${index}`)
    sent.push(...values)
    const input = values.map((value, index) => `visitor-${index}\t${value}\n`).join('')
    const settings = ['-X', 'enable.idempotence=true', '-X', 'acks=all', '-X', 'linger.ms=5']
    await run(broker, ['-P', '-t', topic, '-K', '\t', '-z', codec, ...settings], input)
  }
  return sent
}

/** Two members of one group, until `count` records have come and each has had partitions. */
async function consumeAsTwo(broker: BrokerProcess, count: number): Promise<string[]> {
  const received: string[] = []
  const hasPartitions = [false, false]
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = () => {
    if (received.length >= count && hasPartitions.every(Boolean)) resolve()
  }
  const settings = [
    '-X',
    'auto.offset.reset=earliest',
    '-X',
    'session.timeout.ms=6000',
    '-X',
    'fetch.wait.max.ms=100',
  ]
  const children = [0, 1].map(member => {
    const child = spawn('kcat', ['-b', broker.address, '-u', '-G', 'readers', ...settings, topic], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    createInterface(child.stderr).on('line', line => {
      // The first may well have read everything before the second comes.
      if (/ assigned: \S/.test(line)) hasPartitions[member] = true
      look()
    })
    createInterface(child.stdout).on('line', line => {
      received.push(line)
      look()
    })
    return child
  })
  await promise
  await Promise.all(children.map(interrupt))
  return received
}

/** kcat commits and leaves the group when it is interrupted. */
function interrupt(child: ChildProcess): Promise<void> {
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  child.kill('SIGINT')
  return exited
}

test('kcat has its topic created, produces with every codec, reads in a group of two, and resumes', {
  skip: !isInstalled && 'kcat is not installed',
  timeout: 60_000,
}, async () => {
  await using broker = await BrokerProcess.start()
  const sent = await produce(broker, 'before')
  assert.match(await run(broker, ['-L', '-t', topic]), /topic "shop" with 3 partitions/)
  assert.deepEqual((await consumeAsTwo(broker, sent.length)).sort(), sent.sort())

  await broker.killAndRestart()
  const after = await produce(broker, 'after')
  assert.deepEqual((await consumeAsTwo(broker, after.length)).sort(), after.sort())

  const whole = await run(broker, ['-C', '-q', '-e', '-t', topic, '-o', 'beginning'])
  assert.deepEqual(whole.trimEnd().split('\n').sort(), [...sent, ...after].sort())
})
