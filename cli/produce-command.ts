// `tailrace produce`: each line of standard input, or of a file, becomes a record, acknowledged by every replica in
// sync. What arrives together is sent together; few calls are under way at a time, so that a large file needs no
// memory.
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import type { Command } from 'commander'
import type { LogClient, NewRecord, Produced } from '../broker/client/log-client.ts'
import { type CodecName, codecs } from '../broker/protocol/record-batch.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { type CommandSurroundings, wholeNumber } from './cluster-commands.ts'
import { oneOf, openTopic } from './record-client.ts'

interface ProduceFlags {
  readonly file?: string
  readonly keySeparator?: string
  readonly header: readonly string[]
  readonly codec: string
  readonly emptyIsNull?: boolean
  readonly timeout: number
  readonly json?: boolean
}

export interface ProducedReport {
  readonly topic: string
  /** Lines that were read, and records that every replica in sync has. */
  readonly read: number
  readonly acknowledged: number
  readonly partitions: Readonly<Record<string, { firstOffset: number; lastOffset: number; count: number }>>
}

const callsMax = 4
const lineBytesMax = 16 * 1024 * 1024

export function addProduceCommand(command: Command, { withShared, settingsOf }: CommandSurroundings): void {
  withShared(command)
    .argument('<topic>')
    .description('send lines to a topic; done when every replica in sync has them')
    .option('--bootstrap <host:port>', 'a broker to ask, or several with commas between')
    .option('-f, --file <file>', 'read this instead of standard input')
    .option('-K, --key-separator <text>', 'what stands before the first of these is the key')
    .option(
      '-H, --header <name=value>',
      'a header of every record; repeat for more',
      (text, before: string[]) => [...before, text],
      [],
    )
    .option('-z, --codec <codec>', `compression: ${codecs.join(', ')}`, 'zstd')
    .option('-Z, --empty-is-null', 'an empty value deletes its key, in a compacted topic')
    .option('--timeout <seconds>', 'wait no longer for an acknowledgement', wholeNumber, 30)
    .option('--json', 'one JSON object on standard output: what was acknowledged')
    .action(async (topic: string, flags: ProduceFlags) => {
      const codec = oneOf('--codec', flags.codec, codecs)
      const headers = headersOf(flags.header)
      const input = flags.file === undefined ? process.stdin : await opened(flags.file)
      using topicClient = await openTopic(settingsOf(flags), topic)
      const sending = new Sending(topicClient.client, topic, codec, flags.timeout * 1_000)
      const failure = await sendAll(input, sending, line => recordOf(line, flags, headers))
      const report = sending.report()
      if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`)
      if (failure) {
        const kept = `${report.acknowledged} of ${report.read} lines that were read are acknowledged`
        throw new ExitError(exitCodes.failed, `${failure.message}; ${kept}`)
      }
      process.stderr.write(reportText(report))
    })
}

async function sendAll(
  input: Readable,
  sending: Sending,
  recordOfLine: (line: Buffer) => NewRecord,
): Promise<Error | null> {
  try {
    for await (const lines of linesOf(input)) await sending.send(lines.map(recordOfLine))
    await sending.settled()
    return null
  } catch (error) {
    await sending.settled().catch(() => undefined)
    return error as Error
  }
}

class Sending {
  readonly #client: LogClient
  readonly #topic: string
  readonly #codec: CodecName
  readonly #timeoutMs: number
  readonly #calls = new Set<Promise<void>>()
  readonly #partitions = new Map<number, { firstOffset: number; lastOffset: number; count: number }>()
  #read = 0
  #acknowledged = 0
  #failure: Error | null = null

  constructor(client: LogClient, topic: string, codec: CodecName, timeoutMs: number) {
    this.#client = client
    this.#topic = topic
    this.#codec = codec
    this.#timeoutMs = timeoutMs
  }

  async send(records: readonly NewRecord[]): Promise<void> {
    this.#read += records.length
    const options = { codec: this.#codec, timeoutMs: this.#timeoutMs }
    const call = this.#client.produce(this.#topic, records, options).then(
      produced => this.#count(produced),
      (error: Error) => {
        this.#failure ??= error
      },
    )
    this.#calls.add(call)
    void call.then(() => this.#calls.delete(call))
    if (this.#calls.size >= callsMax) await Promise.race(this.#calls)
    if (this.#failure) throw this.#failure
  }

  async settled(): Promise<void> {
    await Promise.all(this.#calls)
    if (this.#failure) throw this.#failure
  }

  report(): ProducedReport {
    const partitions = [...this.#partitions].sort(([one], [other]) => one - other)
    return {
      ...{ topic: this.#topic, read: this.#read, acknowledged: this.#acknowledged },
      partitions: Object.fromEntries(partitions),
    }
  }

  #count(produced: readonly Produced[]): void {
    for (const { partition, baseOffset, count } of produced) {
      this.#acknowledged += count
      const lastOffset = baseOffset + count - 1
      const known = this.#partitions.get(partition)
      if (known) {
        known.firstOffset = Math.min(known.firstOffset, baseOffset)
        known.lastOffset = Math.max(known.lastOffset, lastOffset)
        known.count += count
      } else this.#partitions.set(partition, { firstOffset: baseOffset, lastOffset, count })
    }
  }
}

/** The lines of each piece of input that completes some; the last one needs no end. */
export async function* linesOf(input: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer[]> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk)
    const lines: Buffer[] = []
    let start = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      const piece = bytes.subarray(start, end)
      lines.push(rest.length === 0 ? piece : Buffer.concat([...rest, piece]))
      rest = []
      restBytes = 0
      start = end + 1
    }
    if (start < bytes.length) {
      rest.push(bytes.subarray(start))
      restBytes += bytes.length - start
      if (restBytes > lineBytesMax) throw new Error(`A line is longer than ${lineBytesMax} bytes`)
    }
    if (lines.length > 0) yield lines
  }
  if (rest.length > 0) yield [Buffer.concat(rest)]
}

function recordOf(
  line: Buffer,
  { keySeparator, emptyIsNull }: ProduceFlags,
  headers: Record<string, string>,
): NewRecord {
  const at = keySeparator === undefined ? -1 : line.indexOf(keySeparator)
  const value = at < 0 ? line : line.subarray(at + Buffer.byteLength(keySeparator!))
  return {
    key: at < 0 ? null : line.subarray(0, at),
    value: emptyIsNull && value.length === 0 ? null : value,
    headers,
  }
}

function headersOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map(text => {
      const equals = text.indexOf('=')
      if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)]
      throw new ExitError(exitCodes.usage, `Cannot send the header "${text}": write it as name=value`)
    }),
  )
}

async function opened(path: string): Promise<Readable> {
  const stream = createReadStream(path)
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve())
    stream.once('error', error => {
      reject(new ExitError(exitCodes.usage, `Cannot read "${path}": ${error.message}`, { cause: error }))
    })
  })
  return stream
}

function reportText({ topic, acknowledged, partitions }: ProducedReport): string {
  const rows = Object.entries(partitions).map(([partition, { firstOffset, lastOffset, count }]) => {
    return `  partition ${partition}: ${count}, offsets ${firstOffset} to ${lastOffset}\n`
  })
  return `${acknowledged} records of ${topic} acknowledged\n${rows.join('')}`
}
