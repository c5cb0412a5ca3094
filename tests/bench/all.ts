// `npm run bench -- all`: every benchmark that a target of this project hangs on, one after the other, and then one
// table with each target, what was measured, and whether it was met. Runs nothing itself: each is a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { markdownTable } from './markdown-table.ts'
import { benchRuns, targetRows } from './target-rows.ts'

type RunName = keyof typeof benchRuns
const entry = join(import.meta.dirname, 'run.ts')

interface Ran {
  readonly output: string
  readonly load: string
  readonly command: string
}

/** `npm run bench -- all [--quick] [--only pipeline,agent] [--without brokerBesideKafka] [--keep directory]` */
export async function runAll(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      /** Kafka must be at hand for it; docs/performance.md says how. */
      without: { type: 'string', default: '' },
      /** Where each benchmark's whole output is left. */
      keep: { type: 'string' },
    },
  })
  const wanted = values.only?.split(',') ?? Object.keys(benchRuns)
  const unwanted = values.without.split(',')
  const names = (Object.keys(benchRuns) as RunName[]).filter(
    name => wanted.includes(name) && !unwanted.includes(name),
  )
  if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true })
  const ran = new Map<RunName, Ran>()
  for (const name of names) {
    const one = await runOne(benchRuns[name][values.quick ? 'quick' : 'full'])
    ran.set(name, one)
    if (values.keep !== undefined) writeFileSync(join(values.keep, `${name}.txt`), one.output)
  }
  const rows = targetRows.map(({ what, target, run, read }) => {
    const one = ran.get(run)
    const reading = one ? read(one.output) : null
    const verdict = reading === null ? 'not measured' : reading.isMet ? 'met' : '**missed**'
    return [
      what,
      target,
      reading?.measured ?? '–',
      verdict,
      one?.load ?? '–',
      one ? `\`${one.command}\`` : '–',
    ]
  })
  const date = new Date().toISOString().slice(0, 16)
  console.log(
    `\n${date}Z, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}\n`,
  )
  const headers = ['what', 'target', 'measured', '', 'load before, after', 'npm run bench --']
  console.log(markdownTable(headers, rows))
}

/** What it prints is shown as it comes. A benchmark that fails is told and leaves its rows unmeasured. */
async function runOne(bench: readonly string[]): Promise<Ran> {
  const command = bench.join(' ')
  console.log(`\n── ${command}`)
  const before = load()
  const child = spawn(process.execPath, [entry, ...bench], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    console.log(line)
  }
  const [code] = await ended
  // Some end with 1 where a target of theirs is missed.
  if (code !== 0) console.log(`(ended with ${code})`)
  return { output: lines.join('\n'), load: `${before}, ${load()}`, command }
}

const load = () => loadavg()[0]!.toFixed(1)
