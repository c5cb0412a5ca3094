// How many brokers an appliance is made of: as many as its data has, or as asked for, or three. Fewer than the
// data has would leave replicas behind that others count on, so that is refused. Reads the metadata store's list of
// brokers, or the names in the data directory where there is none.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { membersIn } from './cluster-members.ts'
import type { Settings } from './settings.ts'

/** What new data begins with: a copy may be lost, or a broker stopped, and two still agree on every line. */
const brokersAtFirst = 3

/** Ids of the brokers to start. Throws ExitError 78 with the command to run instead. */
export function brokersToStart({ brokers, data }: Pick<Settings, 'brokers' | 'data'>): number[] {
  const ids = brokersIn(data)
  const count = brokers ?? (ids.length > 0 ? ids.length : brokersAtFirst)
  if (count < ids.length) {
    throw new ExitError(
      exitCodes.config,
      `Cannot start ${count === 1 ? 'one broker' : `${count} brokers`}: the data in "${data}" is spread over ` +
        `${ids.length}. Run: tailrace up --brokers ${ids.length} --data ${data}\n` +
        `To do with fewer, then run, in another terminal: tailrace cluster remove-broker ${ids.at(-1)} --data ${data}`,
    )
  }
  for (let id = 1; ids.length < count; id++) if (!ids.includes(id)) ids.push(id)
  return ids.sort((one, other) => one - other)
}

/** That the cluster is made of, running or not; a broker that was removed is none of them, whatever it left behind. */
export function brokersIn(data: string): number[] {
  const members = membersIn(join(data, 'metadata.db'))
  if (members.length > 0 || !existsSync(data)) return members
  const ids = readdirSync(data).flatMap(name => {
    const id = /^broker-(\d+)$/.exec(name)?.[1]
    return id === undefined ? [] : [Number(id)]
  })
  return ids.sort((one, other) => one - other)
}
