// Runs Kafka's own command line tools, of the version that scripts/real/kafka.sh fetches, against brokers of ours.
// Fetches them when they are not there yet; each run is a Java process of its own, ended when it takes too long.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'

const script = new URL('../../scripts/real/kafka.sh', import.meta.url).pathname
/** Tools live for a second: compiling well would cost more than it gains. */
const javaOptions = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m']
const timeoutMs = 90_000

let classPath: string | undefined

export interface ToolResult {
  readonly code: number | null
  /** Both streams, in the order in which they came. */
  readonly text: string
  readonly lines: readonly string[]
}

/** A tool that goes on by itself: what it has said so far, and what it will have said. */
export interface RunningTool {
  readonly lines: readonly string[]
  readonly child: ChildProcess
  readonly finished: Promise<ToolResult>
}

/** `name` is the class after `org.apache.kafka.tools.`, or a whole one. */
export function startTool(name: string, args: readonly string[], input = ''): RunningTool {
  classPath ??= execFileSync(script, ['fetch'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()
  const main = name.startsWith('kafka.') ? name : `org.apache.kafka.tools.${name}`
  const child = spawn('java', [...javaOptions, '-cp', classPath, main, ...args], { timeout: timeoutMs })
  const lines: string[] = []
  let text = ''
  let rest = ''
  const take = (chunk: string) => {
    text += chunk
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!
    lines.push(...parts)
  }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take)
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const finished = once(child, 'close').then(([code]) => {
    if (rest !== '') lines.push(rest)
    return { code: code as number | null, text, lines }
  })
  return { lines, child, finished }
}

export function runTool(name: string, args: readonly string[], input?: string): Promise<ToolResult> {
  return startTool(name, args, input).finished
}

/** The JSON lines of the verifiable tools, by name. */
export function eventsOf(lines: readonly string[], name: string): Record<string, unknown>[] {
  return lines
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Record<string, unknown>)
    .filter(event => event['name'] === name)
}
