// How many brokers an appliance is made of: as many as its data has, or as asked for. Fewer than the data has would
// leave replicas behind that others count on, so that is refused. Reads the names in the data directory.
import { existsSync, readdirSync } from 'node:fs'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Settings } from './settings.ts'

/** Ids of the brokers to start. Throws ExitError 78 with the command to run instead. */
export function brokersToStart({ brokers, data }: Pick<Settings, 'brokers' | 'data'>): number[] {
  const present = brokersIn(data)
  const highest = Math.max(1, ...present)
  const count = brokers ?? highest
  if (count < highest) {
    throw new ExitError(
      exitCodes.config,
      `Cannot start ${count === 1 ? 'one broker' : `${count} brokers`}: the data in "${data}" is spread over ` +
        `${highest}. Run: tailrace up --brokers ${highest} --data ${data}`,
    )
  }
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** Of the directories that earlier starts made. */
export function brokersIn(data: string): number[] {
  if (!existsSync(data)) return []
  return readdirSync(data).flatMap(name => {
    const id = /^broker-(\d+)$/.exec(name)?.[1]
    return id === undefined ? [] : [Number(id)]
  })
}
