// The comparison of replicas on files made for it: equal ones pass, and each way of differing is named.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { setBaseOffset, setLeaderEpoch } from '../../broker/protocol/record-batch.ts'
import { compareReplicas } from './replicas.ts'

interface Written {
  readonly base: number
  readonly values: readonly string[]
  readonly epoch?: number
}

const whole: readonly Written[] = [
  { base: 0, values: ['a', 'b'] },
  { base: 2, values: ['c'] },
  { base: 3, values: ['d'], epoch: 1 },
]

const cases: readonly {
  name: string
  other: readonly Written[]
  end?: number
  differences: readonly RegExp[]
}[] = [
  { name: 'equal', other: whole, differences: [] },
  { name: 'behind, not being in sync', other: whole.slice(0, 2), differences: [] },
  {
    name: 'another value',
    other: whole.with(1, { base: 2, values: ['x'] }),
    differences: [/at 2 is not the same in broker-2 and broker-1/],
  },
  {
    name: 'another epoch',
    other: whole.with(2, { base: 3, values: ['d'], epoch: 2 }),
    differences: [/at 3 is not the same/],
  },
  { name: 'a hole', other: [whole[0]!, whole[2]!], differences: [/broker-2\/k-0: after 1 comes 3/] },
  {
    name: 'another value above what is committed',
    other: whole.with(2, { base: 3, values: ['x'] }),
    end: 3,
    differences: [],
  },
  { name: 'committed, and on no disk', other: whole, end: 6, differences: [/no replica reaches 6, only 4/] },
]

for (const { name, other, end = 4, differences } of cases) {
  test(`replicas: ${name}`, async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'replicas-'))
    const brokers = ['broker-1', 'broker-2'].map(broker => join(directory.path, broker))
    write(brokers[0]!, whole)
    write(brokers[1]!, other)
    const found = compareReplicas(brokers, 'k/0', end).differences
    assert.equal(found.length, differences.length, found.join('\n'))
    for (const [index, pattern] of differences.entries()) assert.match(found[index]!, pattern)
  })
}

test('replicas: a changed byte', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'replicas-'))
  write(directory.path, whole, bytes => bytes.writeUInt8(bytes.at(-2)! ^ 1, bytes.length - 2))
  assert.match(compareReplicas([directory.path], 'k/0', 4).differences[0]!, /checksum of the batch at 3/)
})

function write(
  broker: string,
  batches: readonly Written[],
  change: (bytes: Buffer) => void = () => {},
): void {
  const builder = new BatchBuilder()
  const bytes = Buffer.concat(
    batches.map(({ base, values, epoch = 0 }) => {
      for (const value of values) builder.append(null, Buffer.from(value), undefined, 1_000)
      const batch = builder.build({ codec: 'none' })
      setBaseOffset(batch, 0, base)
      setLeaderEpoch(batch, 0, epoch)
      return batch
    }),
  )
  change(bytes)
  mkdirSync(join(broker, 'k-0'), { recursive: true })
  writeFileSync(join(broker, 'k-0', '00000000000000000000.log'), bytes)
}
