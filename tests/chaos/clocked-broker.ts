// The broker with a wall clock that a test can set: the file named by CHAOS_CLOCK holds by how many milliseconds it is
// wrong. All else is the product's own.
import { readFileSync } from 'node:fs'
import type { BrokerConfig } from '../../broker/config.ts'
import { runBroker } from '../../broker/main.ts'
import { configFromArguments, runProcess } from '../../runtime/lifecycle.ts'

const path = process.env['CHAOS_CLOCK']!
const lookEveryMs = 100
const realNow = Date.now
let wrongByMs = 0

function look(): void {
  try {
    wrongByMs = Number(readFileSync(path, 'latin1')) || 0
  } catch {
    // No file: right.
    wrongByMs = 0
  }
}

look()
setInterval(look, lookEveryMs).unref()
Date.now = () => realNow() + wrongByMs
await runProcess('broker', context => runBroker(configFromArguments<BrokerConfig>(), context))
