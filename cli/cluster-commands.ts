// The commands of `tailrace cluster`: their flags, what they print, how they exit. Standard output is data, progress
// goes to standard error; what they do is in cluster.ts.
import { type Command, Option } from 'commander'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { writeAnswer } from './answer.ts'
import { brokersIn } from './broker-count.ts'
import { electPreferred, electUnclean, grow, rebalance, removeBroker, replaceBroker } from './cluster.ts'
import { ClusterAdmin } from './cluster-admin.ts'
import { type ClusterReport, clusterReport, clusterText } from './cluster-status.ts'
import type { Settings } from './settings.ts'

interface ClusterFlags {
  readonly json?: boolean
  readonly bootstrap?: string
  readonly copies?: number
  readonly exitWhenHealthy?: boolean
  readonly timeout?: number
  readonly watch?: boolean
}

export interface CommandSurroundings {
  /** Adds the options that every command has. */
  readonly withShared: (command: Command) => Command
  readonly settingsOf: (flags: object) => Settings
}

const pollMs = 300
const watchMs = 1_000
/** Longer than a broker's session on one machine. */
const steadyMs = 2_500

export function addClusterCommands(cluster: Command, surroundings: CommandSurroundings): void {
  const add = (
    usage: string,
    description: string,
    run: (
      admin: ClusterAdmin,
      flags: ClusterFlags,
      args: readonly string[],
    ) => Promise<readonly [object, string]>,
  ) => {
    const command = surroundings.withShared(cluster.command(usage)).description(description)
    return command
      .option('--bootstrap <host:port>', 'a broker to ask, or several with commas between')
      .option('--json', 'one JSON object on standard output')
      .action(async (...given: unknown[]) => {
        const flags = command.opts<ClusterFlags>()
        using admin = new ClusterAdmin(bootstrapOf(surroundings.settingsOf(flags)))
        const stopListening = explainInterruption()
        const [answer, text] = await run(admin, flags, given.slice(0, -2).map(String))
        stopListening()
        writeAnswer(flags, answer, text)
      })
  }
  add('status', 'brokers, leaders, copies, and what is being moved', async admin => {
    const report = await reportOf(admin)
    return [report, clusterText(report)]
  })
  add(
    'health',
    'exit code 0 when every partition has all its copies in sync, else 10',
    async (admin, flags) => {
      const report = await watched(admin, flags)
      process.exitCode = report.healthy ? exitCodes.ok : exitCodes.unhealthy
      return [report, clusterText(report)]
    },
  )
    .option('--watch', 'say so again at each change, until Ctrl-C')
    .option('--exit-when-healthy', 'wait until it is so')
    .addOption(new Option('--timeout <seconds>', 'wait no longer').argParser(wholeNumber))
  add('grow', 'give every topic a copy on each of up to three brokers', async admin => {
    const growth = await grow(admin, tell)
    const { brokers, copies, partitions } = growth
    return [growth, `${brokers} brokers, ${copies} copies of everything, ${partitions} partitions changed\n`]
  })
  add('rebalance', 'give every broker the same share; moves no more than that needs', async admin => {
    const moved = await rebalance(admin, tell)
    return [moved, `${moved.replicas} replicas moved, ${moved.partitions} partitions changed\n`]
  })
  add(
    'remove-broker <id>',
    'give what a broker has to the others, and forget it',
    async (admin, flags, [id]) => {
      const moved = await removeBroker(admin, tell, wholeNumber(id!), flags.copies)
      const next = `Broker ${id} holds nothing any more: stop it, and delete its directory.`
      return [moved, `${moved.replicas} replicas moved. ${next}\n`]
    },
  ).addOption(new Option('--copies <count>', 'keep no more copies than this').argParser(wholeNumber))
  add(
    'replace-broker <id>',
    'wait until a broker with an empty disk has everything again',
    async (admin, _, [id]) => {
      const replaced = await replaceBroker(admin, tell, wholeNumber(id!))
      return [replaced, `broker ${id} has its ${replaced.replicas} replicas again\n`]
    },
  )
  add('elect-preferred', 'give leadership back to the brokers it was planned for', async admin => {
    const { elected } = await electPreferred(admin)
    return [{ elected }, `${elected} partitions have another leader\n`]
  })
  add(
    'elect-unclean <topic> <partition>',
    'last resort: let a replica lead that may lack acknowledged lines',
    async (admin, _, [topic, index]) => {
      await electUnclean(admin, topic!, wholeNumber(index!))
      return [
        { topic, partition: wholeNumber(index!) },
        `${topic}-${index} is led again; lines may be missing\n`,
      ]
    },
  )
}

async function reportOf(admin: ClusterAdmin): Promise<ClusterReport> {
  const view = await admin.view()
  return clusterReport(view, await admin.sizes(view.brokers))
}

async function watched(admin: ClusterAdmin, flags: ClusterFlags): Promise<ClusterReport> {
  if (flags.exitWhenHealthy) return untilHealthy(admin, flags.timeout)
  if (!flags.watch) return reportOf(admin)
  const deadlineMs = performance.now() + (flags.timeout ?? Number.POSITIVE_INFINITY) * 1_000
  let told = ''
  for (;;) {
    const report = await reportOf(admin).catch((error: unknown) => {
      // Who watches wants to see it come back; who cannot reach it at first has the wrong address.
      if (told === '' || !(error instanceof ExitError)) throw error
      return null
    })
    // The bytes that are left change all the time, and a line for each would say nothing.
    const line = report ? JSON.stringify({ ...report, bytesLeft: 0 }) : 'no broker answers'
    if (report && performance.now() + watchMs > deadlineMs) return report
    if (line !== told) {
      if (report) writeAnswer(flags, report, clusterText(report))
      else tell(line)
    }
    told = line
    await new Promise(resolve => setTimeout(resolve, watchMs))
  }
}

/** For a while on end: of a broker that has just died the others learn a session later. */
async function untilHealthy(admin: ClusterAdmin, timeoutSeconds = Infinity): Promise<ClusterReport> {
  const deadlineMs = performance.now() + timeoutSeconds * 1_000
  let healthySinceMs = Infinity
  let told = ''
  for (;;) {
    const report = await reportOf(admin).catch((error: unknown) => {
      if (performance.now() > deadlineMs) throw error
      return null
    })
    const nowMs = performance.now()
    healthySinceMs = report?.healthy ? Math.min(healthySinceMs, nowMs) : Infinity
    if (report && (nowMs - healthySinceMs >= steadyMs || nowMs > deadlineMs)) return report
    const line = report ? progressOf(report) : 'no broker answers'
    if (line !== told) tell(line)
    told = line
    await new Promise(resolve => setTimeout(resolve, pollMs))
  }
}

function progressOf({ offline, underMinIsr, underReplicated, reassignments }: ClusterReport): string {
  return (
    `waiting: nobody leads ${offline.length} partitions, ${underMinIsr.length} refuse acks=all, ` +
    `${underReplicated.length} lack copies, ${reassignments.length} are moving`
  )
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** The brokers go on with what they were told; the command only watches. */
function explainInterruption(): () => void {
  const onInterrupt = () => {
    tell('Interrupted. The brokers go on; run the same command again to see it through')
    process.exit(exitCodes.interrupted)
  }
  process.on('SIGINT', onInterrupt)
  return () => process.off('SIGINT', onInterrupt)
}

/** Every broker of this machine that the data knows, where no other address is given. */
export function bootstrapOf({ bootstrap, kafkaPort, data }: Settings): string[] {
  if (bootstrap !== undefined) return bootstrap.split(',')
  const ids = brokersIn(data)
  return (ids.length > 0 ? ids : [1]).map(id => `127.0.0.1:${kafkaPort + id - 1}`)
}

export function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new ExitError(exitCodes.usage, `"${text}" is no whole number`)
}
