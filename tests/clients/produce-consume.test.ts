// `tailrace produce` and `consume` in pipes, against a real broker: what goes in comes out byte for byte, from where
// one says, and the exit codes are what a script relies on.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { launcher, runCommand } from '../../cli/run-command.ts'
import { BrokerProcess } from './broker-process.ts'

let broker: BrokerProcess
before(async () => {
  broker = await BrokerProcess.start([
    { name: 'lines', partitions: 1 },
    { name: 'keyed', partitions: 3 },
    { name: 'bytes', partitions: 1 },
  ])
})
after(() => broker[Symbol.asyncDispose]())

const type = (args: readonly string[], input?: string | Buffer) =>
  runCommand(broker.directory, [...args, '--bootstrap', `127.0.0.1:${broker.port}`], {
    ...(input !== undefined && { input }),
  })

test('lines go in and come out, from where one says', async () => {
  const lines = Array.from({ length: 2_500 }, (_, at) => `line ${at}`)
  const produced = await type(['produce', 'lines', '--json'], lines.join('\n'))
  assert.equal(produced.code, 0, produced.errors)
  assert.deepEqual(JSON.parse(produced.output), {
    ...{ topic: 'lines', read: 2_500, acknowledged: 2_500 },
    partitions: { 0: { firstOffset: 0, lastOffset: 2_499, count: 2_500 } },
  })
  const all = await type(['consume', 'lines', '--until-end'])
  assert.deepEqual([all.code, all.output], [0, `${lines.join('\n')}\n`])
  const last = await type(['consume', 'lines', '-e', '-o', '-2', '-f', '%t %p %o %S %s\\n'])
  assert.equal(last.output, 'lines 0 2498 9 line 2498\nlines 0 2499 9 line 2499\n')
  const two = await type(['consume', 'lines', '-o', '10', '-n', '2'])
  assert.equal(two.output, 'line 10\nline 11\n')
  const recent = await type(['consume', 'lines', '-o', '1h', '-n', '1'])
  assert.equal(recent.output, 'line 0\n')
})

test('keys, headers and codecs; a key keeps its partition', async () => {
  await writeFile(join(broker.directory, 'in.txt'), 'a:1\nb:2\na:3\nno key\n')
  const flags = ['-f', 'in.txt', '-K', ':', '-H', 'service=web', '-z', 'gzip']
  const produced = await type(['produce', 'keyed', ...flags])
  assert.equal(produced.code, 0, produced.errors)
  assert.match(produced.errors, /^4 records of keyed acknowledged/)
  assert.equal(produced.output, '')
  const { output } = await type(['consume', 'keyed', '-e', '--json'])
  const records = output
    .trimEnd()
    .split('\n')
    .map(
      line => JSON.parse(line) as { key: string | null; value: string; partition: number; headers: object },
    )
  const ofA = records.filter(({ key }) => key === 'a')
  assert.deepEqual(
    ofA.map(({ value }) => value),
    ['1', '3'],
  )
  assert.equal(ofA[0]!.partition, ofA[1]!.partition)
  assert.deepEqual(ofA[0]!.headers, [{ name: 'service', value: 'web' }])
  assert(records.some(({ key, value }) => key === null && value === 'no key'))
})

test('bytes that are no text pass, in a format and in JSON', async () => {
  const value = Buffer.from([0xff, 0x00, 0x1b, 0x80])
  assert.equal((await type(['produce', 'bytes', '-q'], value)).code, 0)
  const child = spawn(process.execPath, [
    ...[launcher, 'consume', 'bytes', '-e', '-f', '%s\\x00', '--bootstrap', `127.0.0.1:${broker.port}`],
  ])
  const chunks = await Array.fromAsync(child.stdout as AsyncIterable<Buffer>)
  assert.deepEqual(Buffer.concat(chunks), Buffer.concat([value, Buffer.of(0)]))
  const { output } = await type(['consume', 'bytes', '-n', '1', '--json'])
  assert.equal((JSON.parse(output) as { valueBase64: string }).valueBase64, value.toString('base64'))
})

test('whoever reads may stop: a closed pipe is success, an interruption is 130', async () => {
  const args = [launcher, 'consume', 'lines', '--bootstrap', `127.0.0.1:${broker.port}`]
  const closed = spawn(process.execPath, args)
  await once(closed.stdout, 'data')
  const ended = once(closed, 'exit')
  closed.stdout.destroy()
  await type(['produce', 'lines', '-q'], 'one more\n')
  assert.deepEqual((await ended)[0], 0)
  const interrupted = spawn(process.execPath, args)
  await once(interrupted.stdout, 'data')
  const interruption = once(interrupted, 'exit')
  interrupted.kill('SIGINT')
  assert.deepEqual((await interruption)[0], 130)
})

const refusals = [
  ['a topic that is not there', ['consume', 'linse'], 1, /no topic "linse".*topics create linse/],
  ['a place that is none', ['consume', 'lines', '-o', 'soon'], 64, /--offset "soon"/],
  ['a verb that is none', ['consume', 'lines', '-f', '%y'], 64, /"%y" is nothing/],
  ['a partition that is not there', ['consume', 'lines', '-p', '7'], 64, /partitions 0 to 0, not 7/],
  ['a codec that is none', ['produce', 'lines', '-z', 'gzpi'], 64, /did you mean gzip/],
  ['a file that is not there', ['produce', 'lines', '-f', 'none'], 64, /Cannot read "none"/],
] as const
for (const [what, args, code, expected] of refusals) {
  test(`${args[0]} refuses ${what}, and ends with ${code}`, async () => {
    const ended = await type(args)
    assert.match(ended.errors, expected)
    assert.deepEqual([ended.code, ended.output], [code, ''])
  })
}

test('brokers that are not there end both with 69', async () => {
  for (const command of ['produce', 'consume']) {
    const ended = await runCommand(broker.directory, [command, 'lines', '--bootstrap', '127.0.0.1:1'])
    assert.match(ended.errors, /Cannot reach a broker at 127\.0\.0\.1:1/)
    assert.equal(ended.code, 69)
  }
})
