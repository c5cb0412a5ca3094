// Faults of the network between brokers, clients and the coordination service: links down, packets lost between two in
// one direction or both, too little bandwidth, connections that break off in mid-frame or come all at once.
import { connect, type Socket } from 'node:net'
import { apis } from '../../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../../broker/protocol/batch-builder.ts'
import { Writer } from '../../../broker/protocol/bytes.ts'
import { encodeRequest } from '../../../broker/protocol/frame.ts'
import { brokerName, memberName } from '../brokers.ts'
import { busiestLeader, type Fault, networkOf, pairOf, rest, type Scene } from './fault.ts'

const lengthMs = { least: 3_000, most: 12_000 }
const stormConnections = 3_000
const stormMs = 1_000

export const networkFaults: readonly Fault[] = [
  {
    number: 'F9',
    title: 'one broker isolated from everybody, coordination included unless it is a file',
    needs: ['network', 'several brokers'],
    movesLeaders: false,
    async strike(scene) {
      const id = scene.random.below(2) === 0 ? busiestLeader(scene) : scene.random.pick(scene.brokers.ids)
      networkOf(scene).unplug(brokerName(id))
      return `unplugged ${id} for ${await last(scene)}`
    },
  },
  {
    number: 'F10',
    title: 'brokers cut off from coordination, not from each other',
    needs: ['network', 'zookeeper'],
    movesLeaders: false,
    async strike(scene) {
      const { brokers, random } = scene
      const ids =
        random.below(2) === 0
          ? brokers.ids
          : [random.below(2) === 0 ? busiestLeader(scene) : random.pick(brokers.ids)]
      for (const id of ids) {
        for (const member of brokers.ensemble!.members)
          networkOf(scene).blockBoth(brokerName(id), memberName(member))
      }
      return `cut ${ids.join(', ')} from coordination for ${await last(scene)}`
    },
  },
  {
    number: 'F11',
    title: 'clients cut off from brokers',
    needs: ['network'],
    movesLeaders: false,
    async strike(scene) {
      const { brokers, random } = scene
      const ids = random.below(2) === 0 ? brokers.ids : [random.pick(brokers.ids)]
      for (const id of ids) networkOf(scene).blockBoth('clients', brokerName(id))
      return `cut clients from ${ids.join(', ')} for ${await last(scene)}`
    },
  },
  {
    number: 'F12',
    title: 'two brokers that do not reach each other, and a third that is a bridge',
    needs: ['network', 'several brokers'],
    movesLeaders: false,
    async strike(scene) {
      const [one, other] = pairOf(scene)
      networkOf(scene).blockBoth(brokerName(one), brokerName(other))
      return `cut ${one} from ${other} for ${await last(scene)}`
    },
  },
  {
    number: 'F13',
    title: 'loss in one direction',
    needs: ['network', 'several brokers'],
    movesLeaders: false,
    async strike(scene) {
      const [one, other] = pairOf(scene)
      const network = networkOf(scene)
      if (scene.random.below(3) === 0) {
        network.block(brokerName(one), 'clients')
        return `nothing of ${one} reached clients for ${await last(scene)}`
      }
      network.block(brokerName(one), brokerName(other))
      return `nothing of ${one} reached ${other} for ${await last(scene)}`
    },
  },
  {
    number: 'F14',
    title: 'a slow link',
    needs: ['network'],
    movesLeaders: false,
    async strike(scene) {
      const id = scene.random.below(2) === 0 ? busiestLeader(scene) : scene.random.pick(scene.brokers.ids)
      const network = networkOf(scene)
      const how =
        scene.random.below(2) === 0 && network.delay(brokerName(id))
          ? '100 ms late'
          : network.slow(brokerName(id))
      return `${id} on ${how} for ${await last(scene)}`
    },
  },
  {
    number: 'F15',
    title: 'requests that stall or break off in mid-frame',
    needs: [],
    movesLeaders: false,
    async strike(scene) {
      const { brokers, random } = scene
      const times = 60
      let stalled = 0
      const open: Socket[] = []
      for (let time = 0; time < times; time++) {
        const id = random.pick(brokers.ids)
        const socket = await connected(brokers.endpointOf(id))
        if (!socket) continue
        const frame = produceFrame(scene.topic, random.below(4))
        const cut = 1 + random.below(frame.length - 1)
        socket.write(frame.subarray(0, cut))
        if (random.below(4) === 0) {
          stalled++
          open.push(socket)
        } else {
          await rest(random.below(30))
          socket.resetAndDestroy()
        }
      }
      await rest(random.between(1_000, 4_000))
      for (const socket of open) socket.resetAndDestroy()
      return `${times} produce requests broken off, ${stalled} of them after a stall`
    },
  },
  {
    number: 'F16',
    title: 'links stopped one by one and released in another order',
    needs: ['network', 'several brokers'],
    movesLeaders: false,
    async strike(scene) {
      const network = networkOf(scene)
      const names = network.names.filter(name => name !== 'clients')
      const stopped = shuffled(scene, names).slice(0, 2 + scene.random.below(names.length - 1))
      for (const name of stopped) {
        network.unplug(name)
        await rest(scene.random.between(200, 1_500))
      }
      const released = shuffled(scene, stopped)
      for (const name of released) {
        network.plug(name)
        await rest(scene.random.between(200, 1_500))
      }
      return `stopped ${stopped.join(', ')}, released ${released.join(', ')}`
    },
  },
  {
    number: 'F17',
    title: 'a storm of connections as a broker comes back',
    needs: [],
    movesLeaders: false,
    async strike(scene) {
      const { brokers } = scene
      const id = busiestLeader(scene)
      const struck = brokers.killAndAwait([id])
      await rest(300)
      const sockets: Socket[] = []
      for (let count = 0; count < stormConnections; count++) {
        if (count % 50 === 0) await rest((50 * stormMs) / stormConnections)
        sockets.push(connect(brokers.endpointOf(id)).on('error', () => {}))
      }
      await struck
      await rest(stormMs)
      const open = sockets.filter(socket => socket.readyState === 'open').length
      for (const socket of sockets) socket.resetAndDestroy()
      return `killed ${id}, ${stormConnections} connections within ${stormMs} ms, ${open} open at the end`
    },
  },
]

/** For a while, and says how long it was. */
async function last({ random }: Scene): Promise<string> {
  const forMs = random.between(lengthMs.least, lengthMs.most)
  await rest(forMs)
  return `${Math.round(forMs)} ms`
}

function shuffled<T>({ random }: Scene, list: readonly T[]): T[] {
  const left = [...list]
  return list.map(() => left.splice(random.below(left.length), 1)[0]!)
}

/** Well-formed as a whole, which never arrives: what it holds must turn up nowhere. */
function produceFrame(topic: string, index: number): Buffer {
  const builder = new BatchBuilder(1_024)
  builder.append(null, Buffer.from('never sent as a whole'), undefined, Date.now())
  const records = builder.build({ codec: 'none' })
  const topicData = [{ name: topic, partitionData: [{ index, records }] }]
  const writer = new Writer(1_024)
  encodeRequest(writer, apis.produce, 9, 1, 'chaos-broken', { acks: -1, timeoutMs: 1_000, topicData })
  return Buffer.from(writer.view())
}

function connected(endpoint: { readonly host: string; readonly port: number }): Promise<Socket | null> {
  return new Promise(resolve => {
    const socket = connect(endpoint, () => resolve(socket))
    socket.on('error', () => resolve(null))
  })
}
