// The commands of `tailrace topics`: their flags, what they print. Standard output is data; what they do is in
// topics.ts.
import { type Command, Option } from 'commander'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { writeAnswer } from './answer.ts'
import { ClusterAdmin } from './cluster-admin.ts'
import { bootstrapOf, type CommandSurroundings, wholeNumber } from './cluster-commands.ts'
import {
  alterTopic,
  createTopic,
  deleteRecords,
  deleteTopic,
  describeTopic,
  listTopics,
  type TopicReport,
  type TopicSummary,
} from './topics.ts'

interface TopicFlags {
  readonly json?: boolean
  readonly bootstrap?: string
  readonly partitions?: number
  readonly replicas?: number
  readonly set?: readonly string[]
  readonly unset?: readonly string[]
  readonly partition?: number
  readonly before?: string
}

const collect = (value: string, previous: string[]) => [...previous, value]
const count = (name: string, description: string) =>
  new Option(`--${name} <count>`, description).argParser(wholeNumber)

export function addTopicCommands(topics: Command, surroundings: CommandSurroundings): void {
  const add = (
    usage: string,
    description: string,
    run: (admin: ClusterAdmin, flags: TopicFlags, topic: string) => Promise<readonly [object, string]>,
  ) => {
    const command = surroundings.withShared(topics.command(usage)).description(description)
    return command
      .option('--bootstrap <host:port>', 'a broker to ask, or several with commas between')
      .option('--json', 'JSON on standard output')
      .action(async (...given: unknown[]) => {
        const flags = command.opts<TopicFlags>()
        using admin = new ClusterAdmin(bootstrapOf(surroundings.settingsOf(flags)))
        const [answer, text] = await run(admin, flags, String(given[0]))
        writeAnswer(flags, answer, text)
      })
  }
  add('list', 'which topics there are', async admin => {
    const all = await listTopics(admin)
    return [all, all.map(summaryText).join('')]
  })
  add('describe <topic>', 'its partitions, settings, and how durable it is', async (admin, _, topic) => {
    const report = await describeTopic(admin, topic)
    return [report, reportText(report)]
  })
  add('create <topic>', 'make a topic', async (admin, flags, topic) => {
    const { partitions = -1, replicas = -1 } = flags
    await createTopic(admin, topic, { partitions, replicas, configs: settingsOf(flags) })
    return [{ created: topic }, `Topic "${topic}" is there\n`]
  })
    .addOption(count('partitions', "how many (default: the broker's)"))
    .addOption(count('replicas', 'copies of each partition (default: three, or one of each broker)'))
    .option('--set <name=value>', 'a setting; repeat for more', collect, [])
  add('alter <topic>', 'change its settings, or add partitions', async (admin, flags, topic) => {
    const change = {
      partitions: flags.partitions ?? null,
      set: settingsOf(flags),
      remove: flags.unset ?? [],
    }
    await alterTopic(admin, topic, change)
    return [{ altered: topic }, `Topic "${topic}" is changed\n`]
  })
    .addOption(count('partitions', 'how many there are to be'))
    .option('--set <name=value>', 'a setting; repeat for more', collect, [])
    .option('--unset <name>', 'back to the default; repeat for more', collect, [])
  add('delete-records <topic>', 'delete the oldest records of a partition', async (admin, flags, topic) => {
    const { partition = 0, before = '' } = flags
    if (before !== 'end' && !/^\d{1,15}$/.test(before))
      throw new ExitError(exitCodes.usage, 'Say up to where: --before OFFSET, or --before end')
    const start = await deleteRecords(admin, topic, partition, before === 'end' ? -1 : Number(before))
    return [{ topic, partition, logStartOffset: String(start) }, `The log begins at offset ${start} now\n`]
  })
    .addOption(count('partition', 'which (default: 0)'))
    .option('--before <offset>', 'everything before this offset, or end')
  add('delete <topic>', 'delete a topic and all it holds', async (admin, _, topic) => {
    await deleteTopic(admin, topic)
    return [{ deleted: topic }, `Topic "${topic}" is gone\n`]
  })
}

function settingsOf({ set = [] }: TopicFlags): Map<string, string> {
  return new Map(
    set.map(text => {
      const equals = text.indexOf('=')
      if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)] as const
      throw new ExitError(exitCodes.usage, `Cannot set "${text}": write it as name=value`)
    }),
  )
}

function summaryText({ topic, partitions, replicas, internal }: TopicSummary): string {
  const size = `${partitions} ${partitions === 1 ? 'partition' : 'partitions'} × ${replicas}`
  return `${topic.padEnd(32)} ${size}${internal ? '  internal' : ''}\n`
}

const durabilityText = {
  flushed: 'an acknowledged record is on disk (flush.messages=1)',
  'page cache': 'an acknowledged record is in the page cache of its replicas, not flushed',
} as const

function reportText(report: TopicReport): string {
  const configs = Object.entries(report.configs).map(([name, value]) => `  ${name}=${value}\n`)
  const states = report.states.map(({ index, leader, replicas, isr }) => {
    const leading = leader < 0 ? 'nobody leads' : `led by ${leader}`
    return `  ${index}  ${leading}  replicas ${replicas.join()}  in sync ${isr.join()}\n`
  })
  return `${summaryText(report)}durability: ${durabilityText[report.durability]}\n${[...configs, ...states].join('')}`
}
