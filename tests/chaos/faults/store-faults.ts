// Faults of the coordination service: members killed and stopped, sessions that lapse, a store that does not answer.
import Database from 'better-sqlite3'
import { brokerName, memberName } from '../brokers.ts'
import { busiestLeader, type Fault, networkOf, rest, sessionMs } from './fault.ts'

export const storeFaults: readonly Fault[] = [
  {
    number: 'F2-store',
    title: 'kill -9 of a member of the ensemble',
    needs: ['zookeeper'],
    movesLeaders: false,
    async strike({ brokers, random }) {
      const member = random.pick(brokers.ensemble!.members)
      brokers.ensemble!.signal(member, 'SIGKILL')
      await rest(random.between(1_000, 6_000))
      return `killed member ${member}`
    },
  },
  {
    number: 'F34-leader',
    title: 'kill -9 of the leader of the ensemble',
    needs: ['zookeeper'],
    movesLeaders: false,
    async strike({ brokers, random }) {
      const ensemble = brokers.ensemble!
      const member = (await ensemble.leader()) ?? random.pick(ensemble.members)
      ensemble.signal(member, 'SIGKILL')
      await rest(random.between(1_000, 6_000))
      return `killed leader ${member}`
    },
  },
  {
    number: 'F34-stop',
    title: 'members stopped for longer than sessions last, one or all',
    needs: ['zookeeper'],
    movesLeaders: false,
    async strike(scene) {
      const { brokers, random } = scene
      const ensemble = brokers.ensemble!
      const members = random.below(2) === 0 ? ensemble.members : [random.pick(ensemble.members)]
      const forMs = random.between(1.5, 3) * sessionMs(scene)
      for (const member of members) ensemble.signal(member, 'SIGSTOP')
      await rest(forMs)
      for (const member of members) ensemble.signal(member, 'SIGCONT')
      return `stopped members ${members.join(', ')} for ${Math.round(forMs)} ms`
    },
  },
  {
    number: 'F34-expiry',
    title: 'a session that lapses while its broker serves',
    needs: ['zookeeper', 'network'],
    movesLeaders: true,
    async strike(scene) {
      const { brokers, random } = scene
      const id = busiestLeader(scene)
      const network = networkOf(scene)
      // Long enough, too, for a service that has to notice by ticks of a second.
      const forMs = random.between(2.5, 4) * sessionMs(scene)
      for (const member of brokers.ensemble!.members) network.blockBoth(brokerName(id), memberName(member))
      await rest(forMs)
      return `cut ${id} from coordination for ${Math.round(forMs)} ms`
    },
  },
  {
    number: 'F34-locked',
    title: 'a store that takes no writes: another process holds its lock',
    needs: ['sqlite'],
    movesLeaders: false,
    async strike({ brokers, random }) {
      const forMs = random.between(500, 4_000)
      const database = new Database(brokers.metadataPath, { timeout: 200 })
      try {
        database.exec('BEGIN IMMEDIATE')
        await rest(forMs)
        database.exec('ROLLBACK')
      } catch (error) {
        return `nothing: ${(error as Error).message}`
      } finally {
        database.close()
      }
      return `locked for ${Math.round(forMs)} ms`
    },
  },
]
