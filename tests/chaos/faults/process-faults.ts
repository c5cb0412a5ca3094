// Faults of processes, by signals alone: kills, stops, stalls.
import { busiestLeader, controller, type Fault, rest, type Scene, sessionMs } from './fault.ts'

export const processFaults: readonly Fault[] = [
  {
    number: 'F1',
    title: 'kill -9 of the busiest leader, again and again',
    needs: [],
    movesLeaders: true,
    async strike(scene) {
      const times = 1 + scene.random.below(3)
      const killed: number[] = []
      for (let time = 0; time < times; time++) {
        const id = busiestLeader(scene)
        killed.push(id)
        await scene.brokers.killAndAwait([id])
        await rest(scene.random.between(200, 1_500))
      }
      return `killed ${killed.join(', ')}`
    },
  },
  {
    number: 'F2',
    title: 'kill -9 of the controller',
    needs: ['several brokers'],
    movesLeaders: true,
    async strike(scene) {
      const id = controller(scene)
      await scene.brokers.killAndAwait([id])
      return `killed ${id}`
    },
  },
  {
    number: 'F3',
    title: 'kill -9 of everything at once',
    needs: [],
    movesLeaders: true,
    async strike({ brokers }) {
      await brokers.killAndAwait(brokers.ids)
      return `killed ${brokers.ids.join(', ')}`
    },
  },
  {
    number: 'F4',
    title: 'a clean restart of each in turn',
    needs: [],
    movesLeaders: true,
    async strike({ brokers }) {
      for (const id of brokers.ids) {
        await brokers.killAndAwait([id], 'SIGTERM')
        await rest(500)
      }
      return `restarted ${brokers.ids.join(', ')}`
    },
  },
  {
    number: 'F5',
    title: 'a leader stopped for longer than its session',
    needs: [],
    movesLeaders: true,
    strike: scene => stopPastSession(scene, busiestLeader(scene)),
  },
  {
    number: 'F6',
    title: 'the controller stopped for longer than its session',
    needs: ['several brokers'],
    movesLeaders: true,
    strike: scene => stopPastSession(scene, controller(scene)),
  },
  {
    number: 'F5+F32',
    title: 'all stalled but the busiest leader, which is stopped past its session as they go on',
    needs: ['several brokers'],
    movesLeaders: true,
    async strike(scene) {
      const { brokers, random } = scene
      const id = busiestLeader(scene)
      const others = brokers.ids.filter(other => other !== id)
      for (const other of others) brokers.signal(other, 'SIGSTOP')
      // What it acknowledges now nobody else has, and it is not there when they elect another. A kill would not do:
      // it would be back, with all it has, before they had.
      await rest(random.between(0.2, 0.4) * sessionMs(scene))
      const paused = brokers.pause(id, 2 * sessionMs(scene))
      for (const other of others) brokers.signal(other, 'SIGCONT')
      await paused
      return `stalled ${others.join(', ')}, stopped ${id}`
    },
  },
  {
    number: 'F32',
    title: 'stalls within the session',
    needs: [],
    movesLeaders: false,
    async strike(scene) {
      const { brokers, random } = scene
      const id = random.pick(brokers.ids)
      const forMs = random.between(100, 0.5 * sessionMs(scene))
      await brokers.pause(id, forMs)
      return `stopped ${id} for ${Math.round(forMs)} ms`
    },
  },
]

async function stopPastSession(scene: Scene, id: number): Promise<string> {
  const forMs = scene.random.between(1.5, 3) * sessionMs(scene)
  await scene.brokers.pause(id, forMs)
  return `stopped ${id} for ${Math.round(forMs)} ms`
}
