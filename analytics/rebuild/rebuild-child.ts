// A rebuild in a process of its own, for the test that kills it: reads some of the log, says so, and waits.
import { writeSync } from 'node:fs'
import { randomLog } from '../ingest/ingest-story.ts'
import { runRebuild } from './rebuild-story.ts'

const [path, seed, batches, turns] = process.argv.slice(2) as [string, string, string, string]
const { log } = randomLog(Number(seed), Number(batches))
await runRebuild(path, log, {
  onWait: turn => {
    if (turn < Number(turns)) return
    writeSync(1, 'held\n')
    // Until it is killed.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
  },
})
