// A broker for tests of clients: one process, memory only, real frames over a real socket, and a script that says
// which request it refuses, forgets or drops. Keeps the rules of idempotence that a real broker keeps.
import { createServer, type Server, type Socket } from 'node:net'
import { type AnyApi, type ApiName, apiByKey, apis } from '../protocol/apis.ts'
import { Writer } from '../protocol/bytes.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import { decodeRequest, decodeRequestHeader, encodeResponse, FrameSplitter } from '../protocol/frame.ts'
import type { FetchRequest } from '../protocol/messages/01-fetch.ts'
import type { ListOffsetsRequest } from '../protocol/messages/02-list-offsets.ts'
import { batchView, setBaseOffset, setLeaderEpoch, validateProducerBatch } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'

/** What happens to one produced batch: an error instead of an append, or after one (`appended`). */
export type ProduceFault =
  | { readonly error: ErrorName; readonly appended?: boolean }
  /** The connection ends, after the append or instead of it. */
  | { readonly drop: 'before' | 'after' }

interface ScriptedPartition {
  readonly batches: Buffer[]
  end: number
  start: number
  readonly producers: Map<
    number,
    { next: number; last: { sequence: number; count: number; offset: number }[] }
  >
}

export interface ScriptedTopic {
  id: string
  readonly partitions: ScriptedPartition[]
}

export class ScriptedBroker {
  readonly topics = new Map<string, ScriptedTopic>()
  readonly requests: ApiName[] = []
  /** Asked before each batch; the number counts batches from 0. */
  fault: (topic: string, partition: number, batch: number) => ProduceFault | null = () => null
  /** Versions to advertise instead of all. */
  versions: Partial<Record<ApiName, readonly [number, number]>> = {}
  autoCreatePartitions = 0
  /** Takes what is produced, and never answers. */
  isSilent = false
  /** As metadata answers for topics with these names. */
  topicErrors: Readonly<Record<string, ErrorName>> = {}
  /** Of what is appended from now on. */
  leaderEpoch = 0
  clientIds = new Set<string>()
  /** A batch that holds such a value is refused as too large. */
  refuses: (value: string) => boolean = () => false
  port = 0
  #server: Server
  readonly #sockets = new Set<Socket>()
  #producerId = 1000
  #batches = 0

  constructor() {
    this.#server = createServer(socket => this.#serve(socket))
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>(resolve => this.#server.listen(port, '127.0.0.1', resolve))
    this.port = (this.#server.address() as { port: number }).port
    return this
  }

  /** As a crash of the broker: every connection ends, what was appended stays. `listen(port)` brings it back. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
    this.#server = createServer(socket => this.#serve(socket))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  createTopic(name: string, partitions: number): ScriptedTopic {
    const topic = {
      id: Buffer.from(`${name}${this.topics.size}`.padEnd(16, 'x').slice(-16)).toString('base64url'),
      partitions: Array.from(
        { length: partitions },
        (): ScriptedPartition => ({ batches: [], end: 0, start: 0, producers: new Map() }),
      ),
    }
    this.topics.set(name, topic)
    return topic
  }

  /** As a broker that has lost or expired what it knew of producers. */
  forgetProducers(): void {
    for (const topic of this.topics.values())
      for (const partition of topic.partitions) partition.producers.clear()
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    const splitter = new FrameSplitter(104_857_600)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', chunk => {
      splitter.push(chunk)
      for (let frame = splitter.next(); frame && !socket.destroyed; frame = splitter.next()) {
        this.#handle(socket, frame)
      }
    })
  }

  #handle(socket: Socket, frame: Buffer): void {
    const header = decodeRequestHeader(frame)
    const api = apiByKey(header.apiKey)!
    const name = (Object.keys(apis) as ApiName[]).find(key => apis[key] === (api as AnyApi))!
    this.requests.push(name)
    if (header.clientId) this.clientIds.add(header.clientId)
    const range = this.versions[name]
    const unknown = range && (header.apiVersion < range[0] || header.apiVersion > range[1])
    const answer = (body: unknown, version = header.apiVersion) => {
      if (body === null || socket.destroyed) return
      const writer = new Writer()
      encodeResponse(writer, api, version, header.correlationId, body)
      socket.write(writer.view())
    }
    if (name === 'apiVersions') {
      answer(this.#apiVersions(Boolean(unknown)), unknown ? 0 : header.apiVersion)
      return
    }
    const request = decodeRequest(frame, header, api)
    if (name === 'metadata') answer(this.#metadata(request))
    else if (name === 'initProducerId') answer({ producerId: this.#producerId++, producerEpoch: 0 })
    else if (name === 'produce' && this.isSilent) return
    else if (name === 'produce') answer(this.#produce(socket, request, header.apiVersion))
    else if (name === 'listOffsets') answer(this.#listOffsets(request))
    else if (name === 'fetch') this.#fetch(request, answer)
    else socket.destroy()
  }

  #apiVersions(refused: boolean): unknown {
    const rows = (Object.keys(apis) as ApiName[]).map(name => {
      const [minVersion, maxVersion] = this.versions[name] ?? apis[name].advertised
      return { apiKey: apis[name].key, minVersion, maxVersion }
    })
    return { errorCode: refused ? errorCodes.unsupportedVersion : 0, apiKeys: rows }
  }

  #metadata(request: { topics: { name: string | null }[] | null; allowAutoTopicCreation: boolean }): unknown {
    const names = request.topics?.map(topic => topic.name!) ?? [...this.topics.keys()]
    for (const name of names) {
      if (request.allowAutoTopicCreation && this.autoCreatePartitions > 0 && !this.topics.has(name)) {
        this.createTopic(name, this.autoCreatePartitions)
      }
    }
    return {
      clusterId: 'scripted',
      controllerId: 1,
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: this.port }],
      topics: names.map(name => {
        const error = this.topicErrors[name]
        if (error) return { name, errorCode: errorCodes[error] }
        const topic = this.topics.get(name)
        const partitions = topic?.partitions.map((_, partitionIndex) => ({
          partitionIndex,
          leaderId: 1,
          leaderEpoch: 0,
          replicaNodes: [1],
          isrNodes: [1],
        }))
        if (!partitions) return { name, errorCode: errorCodes.unknownTopicOrPartition }
        return { name, topicId: topic!.id, partitions }
      }),
    }
  }

  #produce(
    socket: Socket,
    request: {
      topicData: {
        name: string
        topicId: string
        partitionData: { index: number; records: Buffer | null }[]
      }[]
    },
    version: number,
  ): unknown {
    const responses = request.topicData.map(({ name, topicId, partitionData }) => {
      const topicName = name || this.#nameOf(topicId)
      const partitionResponses = partitionData.map(({ index, records }) => {
        const fault = this.fault(topicName, index, this.#batches++)
        if (fault && 'drop' in fault) {
          if (fault.drop === 'after') this.#append(topicName, index, records, version)
          socket.destroy()
          return { index, errorCode: 0, baseOffset: -1 }
        }
        if (fault && !fault.appended) return { index, errorCode: errorCodes[fault.error], baseOffset: -1 }
        const appended = this.#append(topicName, index, records, version)
        return fault ? { ...appended, errorCode: errorCodes[fault.error] } : appended
      })
      return { name, topicId, partitionResponses }
    })
    return { responses }
  }

  #append(topic: string, index: number, records: Buffer | null, version: number) {
    const partition = this.topics.get(topic)?.partitions[index]
    if (!partition || !records)
      return { index, errorCode: errorCodes.unknownTopicOrPartition, baseOffset: -1 }
    const invalid = validateProducerBatch(records, version)
    if (invalid !== 'none') return { index, errorCode: errorCodes[invalid], baseOffset: -1 }
    if (this.#isRefused(records)) return { index, errorCode: errorCodes.messageTooLarge, baseOffset: -1 }
    const count = batchView.recordCount(records, 0)
    const sequence = batchView.baseSequence(records, 0)
    const producerId = batchView.producerId(records, 0)
    const state = partition.producers.get(producerId) ?? { next: sequence, last: [] }
    const known = state.last.find(batch => batch.sequence === sequence && batch.count === count)
    if (known) return { index, errorCode: 0, baseOffset: known.offset }
    if (sequence !== state.next)
      return { index, errorCode: errorCodes.outOfOrderSequenceNumber, baseOffset: -1 }
    const stored = Buffer.from(records)
    setBaseOffset(stored, 0, partition.end)
    setLeaderEpoch(stored, 0, this.leaderEpoch)
    partition.batches.push(stored)
    state.last.push({ sequence, count, offset: partition.end })
    if (state.last.length > 5) state.last.shift()
    state.next = (sequence + count) % 0x8000_0000
    partition.producers.set(producerId, state)
    partition.end += count
    return { index, errorCode: 0, baseOffset: partition.end - count }
  }

  #isRefused(batch: Buffer): boolean {
    let refused = false
    walkRecords(batch, (_offset, _time, buffer, _ks, _ke, start, end) => {
      refused ||= this.refuses(buffer.toString('latin1', start, end))
    })
    return refused
  }

  #listOffsets(request: ListOffsetsRequest): unknown {
    return {
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }) => {
          const partition = this.topics.get(name)?.partitions[partitionIndex]
          if (!partition) return { partitionIndex, errorCode: errorCodes.unknownTopicOrPartition }
          return { partitionIndex, offset: timestamp === -1 ? partition.end : partition.start }
        }),
      })),
    }
  }

  #fetch(request: FetchRequest, answer: (body: unknown) => void): void {
    let bytes = 0
    const responses = request.topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition: partitionIndex, fetchOffset, lastFetchedEpoch }) => {
        const partition = this.topics.get(topic || this.#nameOf(topicId))?.partitions[partitionIndex]
        if (!partition) {
          bytes++
          const code = topic ? errorCodes.unknownTopicOrPartition : errorCodes.unknownTopicId
          return { partitionIndex, errorCode: code, highWatermark: -1 }
        }
        if (fetchOffset < partition.start || fetchOffset > partition.end) {
          bytes++
          return { partitionIndex, errorCode: errorCodes.offsetOutOfRange, highWatermark: -1 }
        }
        const later = partition.batches.find(batch => batchView.leaderEpoch(batch, 0) > lastFetchedEpoch)
        const endOffset = later ? batchView.baseOffset(later, 0) : partition.end
        if (lastFetchedEpoch >= 0 && endOffset < fetchOffset) {
          bytes++
          return { partitionIndex, divergingEpoch: { epoch: lastFetchedEpoch, endOffset } }
        }
        const batches = partition.batches.filter(batch => batchView.lastOffset(batch, 0) >= fetchOffset)
        const records = Buffer.concat(batches).subarray(0, request.maxBytes)
        bytes += records.length
        return { partitionIndex, highWatermark: partition.end, logStartOffset: partition.start, records }
      }),
    }))
    if (bytes >= request.minBytes) answer({ responses })
    else setTimeout(() => this.#fetch({ ...request, minBytes: 0 }, answer), Math.min(request.maxWaitMs, 20))
  }

  #nameOf(topicId: string): string {
    for (const [name, topic] of this.topics) if (topic.id === topicId) return name
    return ''
  }
}
