// The world the cores are simulated in: time, network, store, disk and processes do what they are said to do.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../../broker/metadata/store.ts'
import { Checker } from './checker.ts'
import { MemoryLog } from './memory-log.ts'
import { Network } from './network.ts'
import { SimProcess } from './process.ts'
import { inVirtualTime, Scheduler } from './scheduler.ts'
import { StoreServer } from './store-server.ts'

const quiet = { oneWayDelayMs: 5, loss: 0, duplication: 0, storeLoss: 0 }
const bytes = (text: string) => Buffer.from(text)

function runAll(scheduler: Scheduler): void {
  while (scheduler.runNext()) {
    // Until nothing is left.
  }
}

test('events happen in the order of their times, and of their making where times are equal', () => {
  const scheduler = new Scheduler(1)
  const seen: string[] = []
  for (const [delayMs, name] of [
    [5, 'c'],
    [1, 'a'],
    [5, 'd'],
    [3, 'b'],
    [9, 'e'],
  ] as const) {
    scheduler.after(delayMs, name, () => seen.push(`${name}${scheduler.nowMs}`))
  }
  runAll(scheduler)
  assert.deepEqual(seen, ['a1', 'b3', 'c5', 'd5', 'e9'])
})

test('timers and clocks of the code under test are virtual, and are given back', async () => {
  const scheduler = new Scheduler(1)
  const { setTimeout: before } = globalThis
  await inVirtualTime(
    scheduler,
    (delayMs, run) => scheduler.after(delayMs, 'timer', run),
    async () => {
      const seen: number[] = []
      setTimeout(() => seen.push(performance.now()), 3_600_000)
      const repeated = setInterval(() => seen.push(performance.now()) > 2 && clearInterval(repeated), 1_000)
      runAll(scheduler)
      assert.deepEqual(seen, [1_000, 2_000, 3_000, 3_600_000])
      assert.throws(() => Date.now(), /not part of a simulation/)
    },
  )
  assert.equal(globalThis.setTimeout, before)
  assert(Date.now() > 0)
})

test('messages are cut one way, doubled and lost as drawn', () => {
  const scheduler = new Scheduler(2)
  const network = new Network(scheduler, { ...quiet, loss: 0.5, duplication: 0.5 })
  network.disturb()
  const seen = new Map<string, number>()
  const send = (from: number, to: number) =>
    network.send(from, to, 'm', () => seen.set(`${from}${to}`, (seen.get(`${from}${to}`) ?? 0) + 1))
  network.cut(1, 2)
  for (let count = 0; count < 1_000; count++) {
    send(1, 2)
    send(2, 1)
  }
  runAll(scheduler)
  assert.equal(seen.get('12'), undefined)
  assert(seen.get('21')! > 600 && seen.get('21')! < 900, `${seen.get('21')} of 1000 × 0.5 × 1.5`)
})

test('a transaction is all or nothing, its guards hold at its moment, and a session takes its entries along', () => {
  const server = new StoreServer()
  const id = server.openSession(100, 0)
  const session = { id } as Session
  const created = server.transact(
    [],
    [
      { create: 'a', value: bytes('1') },
      { create: 'b', value: bytes('1'), session },
    ],
  )
  assert(created.outcome === 'applied')
  const version = created.versions[0]!
  assert.equal(
    server.transact(
      [],
      [
        { create: 'c', value: bytes('1') },
        { create: 'a', value: bytes('2') },
      ],
    ).outcome,
    'conflict',
  )
  assert.equal(server.get('c'), null)
  assert.equal(server.transact([], [{ update: 'a', value: bytes('2'), version }]).outcome, 'applied')
  assert.equal(server.transact([], [{ update: 'a', value: bytes('3'), version }]).outcome, 'conflict')
  assert.equal(
    server.transact([{ key: 'a', version }], [{ create: 'd', value: bytes('1') }]).outcome,
    'conflict',
  )
  server.expire(100)
  assert(server.get('b'))
  server.expire(101)
  assert.equal(server.get('b'), null)
  assert.equal(server.beat(id, 102), false)
})

test('a power cut takes at most what was not flushed; a kill takes nothing', () => {
  const { random } = new Scheduler(3)
  const ends = new Set<number>()
  for (let time = 0; time < 50; time++) {
    const log = new MemoryLog()
    for (let sequence = 0; sequence < 6; sequence++)
      log.append({ epoch: sequence, value: sequence, producerId: 1, sequence })
    log.flushed(3)
    if (time === 0) {
      log.crash(false, random)
      assert.equal(log.end, 6)
      continue
    }
    log.crash(true, random)
    ends.add(log.end)
    assert.equal(log.latestEpoch, log.end - 1)
    const next = { epoch: 9, value: 9, producerId: 1, sequence: log.end - 1 }
    assert.deepEqual(log.append(next), { ok: true, offset: log.end - 1, isDuplicate: true })
  }
  assert.deepEqual([...ends].sort(), [3, 4, 5, 6])
})

test('what reaches a stopped process waits, what was meant for an earlier life is gone', () => {
  const scheduler = new Scheduler(4)
  const process = new SimProcess(1, scheduler)
  const seen: string[] = []
  process.start()
  process.after(10, 'timer', () => seen.push(`timer ${scheduler.nowMs}`))
  process.pause()
  scheduler.after(50, 'resume', () => process.resume())
  runAll(scheduler)
  assert.deepEqual(seen, ['timer 50'])
  const { life } = process
  process.kill()
  process.start()
  process.accept(life, () => seen.push('never'))
  assert.equal(seen.length, 1)
})

test('the checker finds what is wrong with the sets that are stored', () => {
  const log = new MemoryLog()
  const broker = { id: 1, isRunning: true, isWiped: false, logs: [log] }
  const state = {
    leader: 1,
    leaderEpoch: 1,
    replicas: [1, 2, 3],
    isr: [1],
    partitionEpoch: 1,
    controllerEpoch: 1,
  }
  const found = (...changes: object[]) => {
    const brokers = [1, 2, 3, 4].map(id => ({ ...broker, id }))
    const checker = new Checker(1, brokers, () => undefined)
    for (const change of changes) checker.stored(0, { ...state, ...change }, 2)
    return checker.violations.map(violation => violation.slice(0, 3).trim())
  }
  assert.deepEqual(found({}), [])
  assert.deepEqual(found({ isr: [2] }), ['R12'])
  assert.deepEqual(found({ isr: [1, 4] }).slice(0, 1), ['R12'])
  assert.deepEqual(found({ elr: [1] }), ['R12'])
  assert.deepEqual(found({ isr: [1, 2], elr: [3] }), ['R12'])
  assert.deepEqual(found({}, { partitionEpoch: 1 }), ['R3:'])
  assert.deepEqual(found({}, { partitionEpoch: 2, leaderEpoch: 0 }), ['R3:'])
  assert.deepEqual(found({}, { partitionEpoch: 2, leader: 2, isr: [2] }), ['R1:'])
})
