// `tailrace demo`: the appliance with demo traffic, in a directory of its own that is gone afterwards, on ports that
// are free. Touches nothing else, so that it can be tried beside whatever runs already.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExitError, exitCodes, type ProcessContext } from '../runtime/lifecycle.ts'
import { brokersToStart } from './broker-count.ts'
import type { Settings } from './settings.ts'
import { up } from './up.ts'

/** Which ports somebody asked for by name: taken ones are refused then, and not passed over. */
export interface AskedPorts {
  readonly kafka: boolean
  readonly http: boolean
}

const stepsMax = 100
const portMax = 65_535

export async function demo(
  settingsIn: (data: string) => Settings,
  asked: AskedPorts,
  context: ProcessContext,
) {
  const data = mkdtempSync(join(tmpdir(), 'tailrace-demo-'))
  // Also when a second Ctrl-C ends this at once.
  process.once('exit', () => rmSync(data, { recursive: true, force: true }))
  const settings = settingsIn(data)
  const brokers = brokersToStart(settings).length
  const kafkaPort = asked.kafka ? settings.kafkaPort : await freeFrom(settings.kafkaPort, brokers)
  const httpPort = asked.http ? settings.httpPort : await freeFrom(settings.httpPort, 1)
  await up(
    { ...settings, kafkaPort, httpPort },
    { demo: true, tail: [], agent: true, fleeting: true },
    context,
  )
}

/** The first of so many free ports side by side, from this one upwards. */
export async function freeFrom(first: number, count: number): Promise<number> {
  if (first === 0) return 0
  for (let step = 0; step < stepsMax && first + count - 1 <= portMax; step++, first += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)))
    if (free.every(Boolean)) return first
  }
  throw new ExitError(
    exitCodes.config,
    'No free ports were found: name some with --kafka-port and --http-port',
  )
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const probe = createServer()
  probe.once('error', () => resolve(false))
  probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  return promise
}
