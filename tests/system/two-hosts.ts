// Two hosts for a page of commands: network namespaces with a wire between them and the page's own addresses, in which
// the page's blocks are typed in their order. Needs root, for the namespaces; removes them, and ends what it started.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

const root = join(import.meta.dirname, '../..')
const untilMs = 60_000
const addresses = { server: '192.0.2.1', 'web-1': '192.0.2.2' } as const
type HostName = keyof typeof addresses

/** What `tailrace` and `node` are on the server: words of a shell. */
export interface Tools {
  readonly tailrace: string
  readonly node: string
}

interface Block {
  readonly host: HostName
  readonly manner: string
  readonly text: string
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```sh (server|web-1) ?(\w*)\n(.*?)^```$/gms)].map(([, host, manner, block]) => ({
    host: host as HostName,
    manner: manner!,
    text: block!,
  }))
}

const namespaceOf = (host: HostName) => `tr${host.slice(0, 3)}${process.pid}`
const ip = (...args: string[]) => spawnSync('ip', args, { encoding: 'utf8' })

/** Why there are no two hosts, or null. */
function makeHosts(t: TestContext): string | null {
  if (process.getuid?.() !== 0) return 'needs root, for network namespaces'
  const [near, far] = [namespaceOf('server'), namespaceOf('web-1')]
  t.after(() => [near, far].map(name => ip('netns', 'del', name)))
  const ends = { server: `e${process.pid}a`, 'web-1': `e${process.pid}b` }
  const steps = [
    ['netns', 'add', near],
    ['netns', 'add', far],
    ['link', 'add', ends.server, 'netns', near, 'type', 'veth', 'peer', 'name', ends['web-1'], 'netns', far],
    ...(['server', 'web-1'] as const).flatMap(host => [
      ['-n', namespaceOf(host), 'addr', 'add', `${addresses[host]}/24`, 'dev', ends[host]],
      ['-n', namespaceOf(host), 'link', 'set', ends[host], 'up'],
      ['-n', namespaceOf(host), 'link', 'set', 'lo', 'up'],
    ]),
  ]
  for (const step of steps) {
    const { status, stderr, error } = ip(...step)
    if (status !== 0) return `no namespace can be made: ${error?.message ?? stderr.trim()}`
  }
  return null
}

function executable(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, 0o755)
}

class Hosts implements AsyncDisposable {
  readonly #place: string
  readonly #terminals: ChildProcess[] = []
  #said = ''

  constructor(place: string, { tailrace, node }: Tools) {
    this.#place = place
    executable(join(place, 'server/bin/tailrace'), `#!/bin/sh\nexec ${tailrace} "$@"\n`)
    executable(join(place, 'server/bin/node'), `#!/bin/sh\nexec ${node} "$@"\n`)
    // Root already.
    executable(join(place, 'web-1/bin/sudo'), '#!/bin/sh\nexec "$@"\n')
  }

  #command(host: HostName, text: string): readonly [readonly string[], object] {
    const home = join(this.#place, host)
    const path = `${home}/bin:/usr/sbin:/usr/bin:/sbin:/bin`
    const environment = ['env', '-i', `PATH=${path}`, `HOME=${home}`, 'TAILRACE_HOST_METRICS=false']
    return [['netns', 'exec', namespaceOf(host), ...environment, 'sh', '-ec', text], { cwd: home }]
  }

  /** In a terminal of its own; it stays. */
  open({ host, text }: Block): void {
    const [args, options] = this.#command(host, `exec ${text}`)
    const child = spawn('ip', args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr!.on('data', (chunk: Buffer) => {
      this.#said += `${host}: ${chunk}`
    })
    this.#terminals.push(child)
  }

  /** What it printed, or null where it failed. */
  type({ host, text }: Block): string | null {
    const [args, options] = this.#command(host, text)
    const { status, stdout, stderr } = spawnSync('ip', args, {
      ...options,
      encoding: 'utf8',
      timeout: untilMs,
    })
    if (status === 0) return stdout
    this.#said += `${host}: ${text}${stdout}${stderr}`
    return null
  }

  get said(): string {
    return this.#said.slice(-6_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#terminals.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }
  }
}

/** Types docs/first-hour.md word for word, below `place`; skips where no hosts can be made. */
export async function typeFirstHour(t: TestContext, place: string, tools: Tools): Promise<void> {
  const fault = makeHosts(t)
  if (fault !== null) return t.skip(fault)
  const blocks = blocksOf('docs/first-hour.md')
  assert(blocks.length >= 11)
  await using hosts = new Hosts(place, tools)
  let printed = ''
  for (const block of blocks) {
    if (block.manner === 'terminal') {
      hosts.open(block)
      continue
    }
    const line = block.text.replace('THE LINE', () => printed.trim())
    const deadline = performance.now() + untilMs
    let answer = hosts.type({ ...block, text: line })
    while (answer === null && block.manner === 'until' && performance.now() < deadline) {
      await pause(300)
      answer = hosts.type({ ...block, text: line })
    }
    assert(answer !== null, `"${block.text}" failed:\n${hosts.said}`)
    if (block.manner !== 'until') printed = answer
  }
  const told = JSON.parse(readFileSync(join(place, 'server/told.json'), 'utf8').split('}{')[0]!)
  assert.deepEqual([told.event, told.rule.name, told.value], ['firing', 'Requests fail', 5])
}
