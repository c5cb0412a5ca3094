// The way of `produce` and `consume` to the log: who is asked, as whom, and whether the topic is there. Makes no topic.
import { readFileSync } from 'node:fs'
import { nearest } from '../analytics/queries/nearest.ts'
import { Cluster } from '../broker/client/cluster.ts'
import { type ClientOptions, connect, type LogClient } from '../broker/client/log-client.ts'
import { passwordLogin } from '../broker/client/login.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { bootstrapOf } from './cluster-commands.ts'
import type { Settings } from './settings.ts'

export interface TopicClient extends Disposable {
  readonly client: LogClient
  readonly cluster: Cluster
  readonly partitions: readonly number[]
}

const clientId = 'tailrace-command'
const attemptsMax = 10

/** Throws ExitError 69 where nobody answers, 1 where there is no such topic. */
export async function openTopic(settings: Settings, topic: string): Promise<TopicClient> {
  const options = clientOptions(settings)
  const cluster = new Cluster({
    bootstrap: options.bootstrap as readonly string[],
    clientId,
    credentials: {
      ...(options.user !== undefined && {
        login: passwordLogin(options.user, options.password!, options.mechanism),
      }),
      ...(options.tls && { tls: options.tls }),
    },
  })
  try {
    const partitions = await partitionsOf(cluster, topic, options.bootstrap as readonly string[])
    const client = await connect(options)
    const close = () => {
      client.close()
      cluster.close()
    }
    return { client, cluster, partitions, [Symbol.dispose]: close }
  } catch (error) {
    cluster.close()
    throw error
  }
}

function clientOptions(settings: Settings): ClientOptions {
  const { reach, bootstrap } = settings
  const shared = { bootstrap: bootstrapOf(settings), clientId }
  // How others are reached says nothing of the brokers of this machine.
  if (!reach || bootstrap === undefined) return shared
  const { caFile, caFingerprint, serverName, user, passwordFile, mechanism } = reach
  return {
    ...shared,
    ...((caFile ?? caFingerprint) !== undefined && {
      tls: {
        ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }),
        ...(caFingerprint !== undefined && { caFingerprint }),
        ...(serverName !== undefined && { servername: serverName }),
      },
    }),
    ...(user !== undefined && { user, password: readFileSync(passwordFile!, 'utf8').replace(/\r?\n$/, '') }),
    ...(mechanism !== undefined && { mechanism }),
  }
}

async function partitionsOf(
  cluster: Cluster,
  topic: string,
  bootstrap: readonly string[],
): Promise<number[]> {
  for (let attempt = 1; ; attempt++) {
    await cluster.refresh([topic]).catch((cause: unknown) => {
      throw new ExitError(
        exitCodes.unavailable,
        `Cannot reach a broker at ${bootstrap.join(', ')}: ${(cause as Error).message}. ` +
          'Is `tailrace up` running? Name another address with --bootstrap HOST:PORT',
        { cause },
      )
    })
    const found = cluster.topic(topic)
    if (found?.error === 'none' && found.partitions.length > 0)
      return found.partitions.map(({ index }) => index)
    if (found?.error === 'unknownTopicOrPartition') {
      const advice = `See: tailrace topics list. Make it: tailrace topics create ${topic}`
      throw new ExitError(exitCodes.failed, `There is no topic "${topic}". ${advice}`)
    }
    if (attempt === attemptsMax) {
      throw new ExitError(exitCodes.failed, `Cannot use the topic "${topic}": ${found?.error ?? 'no answer'}`)
    }
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

/** Of a flag whose value is one of few. */
export function oneOf<Choice extends string>(
  what: string,
  given: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find(choice => choice === given)
  if (found !== undefined) return found
  const guess = nearest(given, choices)
  const hint = guess ? `did you mean ${guess}?` : `write one of ${choices.join(', ')}`
  throw new ExitError(exitCodes.usage, `${what} "${given}": ${hint}`)
}
