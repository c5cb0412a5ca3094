// Faults of disks: brokers that come back to files that are torn, damaged, old or gone. Never two disks at a time: each
// begins when every replica is in sync and ends when it is so again, so that one whole copy is always left.
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { flipBit, loseUnflushed, swapSegments, tearTails } from '../partition-files.ts'
import { busiestLeader, type Fault, rest, type Scene } from './fault.ts'

const inSyncTimeoutMs = 60_000

export const diskFaults: readonly Fault[] = [
  {
    number: 'F23',
    title: 'a power cut of one broker, approximated: what it had not flushed is gone',
    needs: [],
    movesLeaders: true,
    async strike(scene) {
      const id = busiestLeader(scene)
      const lost = await scene.brokers.whileDown(id, loseUnflushed)
      return `cut ${id}, ${lost} bytes gone`
    },
  },
  {
    number: 'F24',
    title: 'a power cut of all brokers, approximated: what they had not flushed is gone',
    needs: [],
    movesLeaders: true,
    async strike({ brokers }) {
      const lost = await Promise.all(brokers.ids.map(id => brokers.whileDown(id, loseUnflushed)))
      return `cut all, ${lost.join(', ')} bytes gone`
    },
  },
  {
    number: 'F25',
    title: 'torn tails above what was flushed',
    needs: [],
    movesLeaders: true,
    async strike(scene) {
      const id = busiestLeader(scene)
      const torn = await scene.brokers.whileDown(id, directory => tearTails(directory, scene.random))
      return `tore the tails of ${torn} partitions of ${id}`
    },
  },
  {
    number: 'F26',
    title: 'a bit flipped in what was flushed',
    needs: ['several brokers'],
    movesLeaders: false,
    strike: scene =>
      onOneDisk(scene, directory => flipBit(directory, scene.random) ?? 'nothing: no segment is sealed'),
  },
  {
    number: 'F27',
    title: 'a wiped disk',
    needs: ['several brokers'],
    movesLeaders: false,
    strike: scene =>
      onOneDisk(scene, directory => {
        wipe(directory)
        return 'wiped'
      }),
  },
  {
    number: 'F27-stale',
    title: 'a disk as it was a while ago',
    needs: ['several brokers'],
    movesLeaders: false,
    async strike(scene) {
      const { brokers, random } = scene
      const id = random.pick(brokers.ids)
      const copy = `${brokers.directoryOf(id)}-copy`
      if (!(await brokers.inSync(inSyncTimeoutMs))) return 'nothing: replicas were not in sync'
      await brokers.whileDown(id, directory => cpSync(directory, copy, { recursive: true }))
      await rest(4_000)
      await brokers.inSync(inSyncTimeoutMs)
      await brokers.whileDown(id, directory => {
        wipe(directory)
        cpSync(copy, directory, { recursive: true })
        rmSync(copy, { recursive: true })
      })
      return `${id}: as it was 4 s before; ${await settled(scene)}`
    },
  },
  {
    number: 'F28',
    title: 'two segments in each other’s place',
    needs: ['several brokers'],
    movesLeaders: false,
    strike: scene =>
      onOneDisk(scene, directory => swapSegments(directory, scene.random) ?? 'nothing: no two are sealed'),
  },
]

async function onOneDisk(scene: Scene, act: (directory: string) => string): Promise<string> {
  const { brokers, random } = scene
  if (!(await brokers.inSync(inSyncTimeoutMs))) return 'nothing: replicas were not in sync'
  const id = random.pick(brokers.ids)
  const what = await brokers.whileDown(id, act)
  return `${id}: ${what}; ${await settled(scene)}`
}

async function settled({ brokers, onAnomaly }: Scene): Promise<string> {
  const startedMs = performance.now()
  if (await brokers.inSync(inSyncTimeoutMs))
    return `in sync again after ${Math.round(performance.now() - startedMs)} ms`
  onAnomaly(`not in sync again ${inSyncTimeoutMs} ms after a disk was repaired`)
  return 'never in sync again'
}

function wipe(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true })
}
