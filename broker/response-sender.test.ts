// The sender on real sockets: every byte, in order, whichever way it goes and however slowly it is taken; every file
// let go of in the end.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Metrics } from '../runtime/metrics.ts'
import { createBrokerCounters } from './broker-metrics.ts'
import type { LogFile } from './log/log-file.ts'
import { FileRange, ResponseSender } from './response-sender.ts'
import { findSendfile } from './sendfile.ts'

const directory = await mkdtempDisposable(join(tmpdir(), 'sender-'))
after(() => directory.remove())
/** Larger than any socket buffer, so that a slow reader fills it. */
const content = Buffer.alloc(24 * 1024 * 1024)
for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at)
const path = join(directory.path, 'segment')
fs.writeFileSync(path, content)

class CountedFile implements LogFile {
  readonly fd = fs.openSync(path, 'r')
  holds = 0
  retain(): void {
    this.holds++
  }
  release(): void {
    this.holds--
  }
}

async function socketPair(): Promise<{ ours: Socket; theirs: Socket; close(): void }> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<Socket>(resolve => server.once('connection', resolve))
  const theirs = connect((server.address() as { port: number }).port, '127.0.0.1')
  const ours = await accepted
  for (const socket of [ours, theirs]) socket.on('error', () => {})
  const close = () => {
    ours.destroy()
    theirs.destroy()
    server.close()
  }
  return { ours, theirs, close }
}

function senderOn(socket: Socket, useSendfile: boolean) {
  const { send } = createBrokerCounters(new Metrics())
  const idle = Promise.withResolvers<void>()
  const broken = Promise.withResolvers<string>()
  const sender = new ResponseSender(
    socket,
    useSendfile ? findSendfile : () => null,
    send,
    idle.resolve,
    reason => {
      broken.resolve(reason)
      socket.destroy()
    },
  )
  return { sender, send, idle: idle.promise, broken: broken.promise }
}

/** Reads `length` bytes, pausing now and then. */
async function readSlowly(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let count = 0
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer)
    count += (chunk as Buffer).length
    if (chunks.length % 50 === 0) await new Promise(resolve => setTimeout(resolve, 1))
    if (count >= length) break
  }
  return Buffer.concat(chunks)
}

const ways = [
  { what: 'by sendfile', useSendfile: true, isCold: false, skip: findSendfile() === null },
  { what: 'by copying', useSendfile: false, isCold: false, skip: false },
  { what: 'from a cold file', useSendfile: true, isCold: true, skip: false },
]

for (const { what, useSendfile, isCold, skip } of ways) {
  test(`an answer of bytes and ranges goes ${what}, whole and in order, to a slow reader`, {
    skip,
  }, async () => {
    const { ours, theirs, close } = await socketPair()
    const { sender, send, idle } = senderOn(ours, useSendfile)
    const file = new CountedFile()
    const ranges = [
      new FileRange(file, 5, 1, isCold),
      new FileRange(file, 1_000, content.length - 1_000, isCold),
    ]
    assert.equal(file.holds, 2)
    sender.send([Buffer.from('head'), ranges[0]!, Buffer.from('middle'), ranges[1]!, Buffer.from('tail')])
    assert.equal(sender.isBusy, true)
    const expected = Buffer.concat([
      Buffer.from('head'),
      content.subarray(5, 6),
      Buffer.from('middle'),
      content.subarray(1_000),
      Buffer.from('tail'),
    ])
    const received = await readSlowly(theirs, expected.length)
    assert(received.equals(expected))
    await idle
    assert.equal(file.holds, 0)
    const inRanges = content.length - 1_000 + 1
    assert.equal(send.sendfileBytes.value + send.copiedBytes.value, inRanges)
    if (useSendfile && findSendfile() !== null)
      assert(send.sendfileBytes.value > 0.8 * inRanges, `${send.sendfileBytes.value}`)
    else assert.equal(send.sendfileBytes.value, 0)
    close()
  })

  test(`a reader that goes away ${what} leaves no file held`, { skip }, async () => {
    const { ours, theirs, close } = await socketPair()
    const { sender } = senderOn(ours, useSendfile)
    const file = new CountedFile()
    ours.once('close', () => sender.abandon())
    sender.send([
      Buffer.from('head'),
      new FileRange(file, 0, content.length, isCold),
      new FileRange(file, 0, 9, isCold),
    ])
    await new Promise(resolve => theirs.once('data', resolve))
    theirs.destroy()
    while (file.holds > 0) await new Promise(resolve => setImmediate(resolve))
    assert.equal(sender.isBusy, false)
    close()
  })

  test(`a file that ends before its range does ${what} ends the connection`, { skip }, async () => {
    const { ours, theirs, close } = await socketPair()
    const { sender, broken } = senderOn(ours, useSendfile)
    const file = new CountedFile()
    ours.once('close', () => sender.abandon())
    theirs.resume()
    sender.send([new FileRange(file, content.length - 100, 200, isCold)])
    assert.match(await broken, /ended before the range/)
    while (file.holds > 0) await new Promise(resolve => setImmediate(resolve))
    close()
  })
}
