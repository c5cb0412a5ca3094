// Faults of the machine under a broker: wall clocks that jump, processors that others have taken.
import { busiestLeader, controller, type Fault, rest } from './fault.ts'

const hourMs = 3_600_000

export const machineFaults: readonly Fault[] = [
  {
    number: 'F29',
    title: 'wall clocks that jump by an hour, or back and forth',
    needs: [],
    movesLeaders: false,
    async strike(scene) {
      const { brokers, random } = scene
      const id = random.pick(brokers.ids)
      const byMs = random.below(2) === 0 ? hourMs : -hourMs
      const times = random.below(2) === 0 ? 1 : 10
      for (let time = 0; time < times; time++) {
        brokers.setClock(id, byMs)
        await rest(times === 1 ? 5_000 : 400)
        brokers.setClock(id, 0)
        await rest(400)
      }
      return `${id} by ${byMs / hourMs} h, ${times} times`
    },
  },
  {
    number: 'F33',
    title: 'a broker with a twentieth of a processor',
    needs: ['cpu quota'],
    movesLeaders: false,
    async strike(scene) {
      const { brokers, random } = scene
      const id = random.below(2) === 0 ? busiestLeader(scene) : controller(scene)
      const pid = brokers.pidOf(id)
      if (pid === undefined || typeof brokers.cpu === 'string') return 'nothing: it was down'
      if (!brokers.cpu.starve(pid, 0.05)) return 'nothing: it was down'
      const forMs = random.between(4_000, 10_000)
      await rest(forMs)
      return `starved ${id} for ${Math.round(forMs)} ms`
    },
  },
]
