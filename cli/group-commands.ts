// The commands of `tailrace groups`: their flags, what they print. Standard output is data; what they do is in
// groups.ts.
import { type Command, Option } from 'commander'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { writeAnswer } from './answer.ts'
import { ClusterAdmin } from './cluster-admin.ts'
import { bootstrapOf, type CommandSurroundings, wholeNumber } from './cluster-commands.ts'
import {
  deleteGroup,
  describeGroup,
  earliest,
  type GroupReport,
  type GroupSummary,
  latest,
  listGroups,
  type OffsetMove,
  type ResetTarget,
  resetGroup,
} from './groups.ts'

interface GroupFlags {
  readonly json?: boolean
  readonly bootstrap?: string
  readonly topic?: string
  readonly toEarliest?: boolean
  readonly toLatest?: boolean
  readonly toOffset?: number
  readonly toTime?: number
  readonly dryRun?: boolean
}

export function addGroupCommands(groups: Command, surroundings: CommandSurroundings): void {
  const add = (
    usage: string,
    description: string,
    run: (admin: ClusterAdmin, flags: GroupFlags, group: string) => Promise<readonly [object, string]>,
  ) => {
    const command = surroundings.withShared(groups.command(usage)).description(description)
    return command
      .option('--bootstrap <host:port>', 'a broker to ask, or several with commas between')
      .option('--json', 'JSON on standard output')
      .action(async (...given: unknown[]) => {
        const flags = command.opts<GroupFlags>()
        using admin = new ClusterAdmin(bootstrapOf(surroundings.settingsOf(flags)))
        const [answer, text] = await run(admin, flags, String(given[0]))
        writeAnswer(flags, answer, text)
      })
  }
  add('list', 'which groups there are', async admin => {
    const all = await listGroups(admin)
    return [all, listText(all)]
  })
  add(
    'describe <group>',
    'its members, what it has read, and how far behind it is',
    async (admin, _, group) => {
      const report = await describeGroup(admin, group)
      return [report, groupText(report)]
    },
  )
  add(
    'delete <group>',
    'forget a group without members and what it has committed',
    async (admin, _, group) => {
      await deleteGroup(admin, group)
      return [{ deleted: group }, `Group "${group}" is forgotten\n`]
    },
  )
  add('reset <group>', 'set where a group without members reads on', async (admin, flags, group) => {
    const isDryRun = flags.dryRun === true
    const moves = await resetGroup(admin, group, flags.topic ?? null, targetOf(flags), isDryRun)
    return [{ group, dryRun: isDryRun, moves }, movesText(moves, isDryRun)]
  })
    .option('--topic <name>', 'all partitions of this topic (default: whatever the group has committed)')
    .option('--to-earliest', 'to the oldest record there is')
    .option('--to-latest', 'to the end')
    .addOption(new Option('--to-offset <offset>', 'to this offset').argParser(wholeNumber))
    .addOption(new Option('--to-time <time>', 'to the first record of this time or later').argParser(timeMs))
    .option('--dry-run', 'say what would be done')
}

function targetOf({ toEarliest, toLatest, toOffset, toTime }: GroupFlags): ResetTarget {
  const targets: (ResetTarget | false)[] = [
    toEarliest === true && earliest,
    toLatest === true && latest,
    toOffset !== undefined && { offset: toOffset },
    toTime !== undefined && { timestamp: toTime },
  ]
  const given = targets.filter(target => target !== false)
  if (given.length === 1) return given[0]!
  throw new ExitError(
    exitCodes.usage,
    'Say where to with one of --to-earliest, --to-latest, --to-offset OFFSET and --to-time TIME',
  )
}

function timeMs(text: string): number {
  const time = Date.parse(text)
  if (!Number.isNaN(time)) return time
  throw new ExitError(exitCodes.usage, `"${text}" is no time; write 2026-11-24T08:00:00Z`)
}

function listText(all: readonly GroupSummary[]): string {
  if (all.length === 0) return 'There are no groups\n'
  return table([['GROUP', 'STATE'], ...all.map(({ group, state }) => [group, state])])
}

function groupText({ group, state, assignor, members, offsets }: GroupReport): string {
  const lags = offsets.map(({ lag }) => lag ?? 0)
  const behind = lags.reduce((sum, lag) => sum + lag, 0)
  const shared = assignor === '' ? '' : `, shared by ${assignor}`
  const head = `Group "${group}": ${state}, ${members.length} members${shared}, ${behind} records behind\n`
  const rows = offsets.map(({ topic, partition, offset, end, lag, member }) => {
    return [topic, partition, offset < 0 ? '-' : offset, end < 0 ? '-' : end, lag ?? '-', member ?? '-'].map(
      String,
    )
  })
  const people = members.map(({ member, instance, client, host }) => [member, instance ?? '-', client, host])
  return [
    head,
    rows.length === 0 ? '' : table([['TOPIC', 'PARTITION', 'OFFSET', 'END', 'LAG', 'MEMBER'], ...rows]),
    people.length === 0 ? '' : table([['MEMBER', 'INSTANCE', 'CLIENT', 'HOST'], ...people]),
  ]
    .filter(part => part !== '')
    .join('\n')
}

function movesText(moves: readonly OffsetMove[], isDryRun: boolean): string {
  const rows = moves.map(({ topic, partition, from, to }) =>
    [topic, partition, from < 0 ? '-' : from, to].map(String),
  )
  const text = table([['TOPIC', 'PARTITION', 'FROM', 'TO'], ...rows])
  return isDryRun ? `${text}Nothing was changed: leave out --dry-run to do it\n` : text
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows
    .map(
      row =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
