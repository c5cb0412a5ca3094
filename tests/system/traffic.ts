// The generator as a test starts it: a process of its own that ends by itself, and its ledger when it has.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { FixturesConfig } from '../../fixtures/config.ts'
import type { LedgerDocument } from '../../fixtures/ledger.ts'
import { readLedger } from '../../fixtures/run.ts'

const entry = join(import.meta.dirname, '../../fixtures/main.ts')

/** Writes until the configured number of lines is written. Rejects when the generator fails. */
export async function writeTraffic(
  config: FixturesConfig & { readonly ledgerPath: string },
): Promise<LedgerDocument> {
  const child = spawn(process.execPath, [entry, JSON.stringify(config)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  const ledger = readLedger(config.ledgerPath)
  if (code !== 0 || ledger?.complete !== true)
    throw new Error(`The generator ended with ${code} and no whole ledger`)
  return ledger
}
