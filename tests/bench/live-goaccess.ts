// GoAccess's own live report beside ours: the same file followed by `goaccess --real-time-html`, one client on its
// WebSocket, and what that costs. Null where GoAccess is not installed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { freePort } from '../system/appliance.ts'
import { goAccessArguments, hasGoAccess } from './goaccess.ts'
import type { Mark } from './line-writer.ts'
import { cpuOf, type LiveBench, spread, wait } from './live-bench.ts'
import { allPainted, type OverviewPage, paintedCounts, watchCount } from './live-page.ts'
import { openWatchers, signIns } from './live-watchers.ts'
import { usageOfProcess } from './usage.ts'

/** GoAccess pushes once a second: what was written last is told by then. */
const settleMs = 1_500

/** The same lines at the same time for both: how old each one's word is, and what it costs. */
export async function measureGoAccess(bench: LiveBench, { page }: OverviewPage): Promise<void> {
  const { writer, appliance, topics, directory, isQuick } = bench
  await using theirs = await LiveGoAccess.start(writer.path, directory)
  if (!theirs) {
    console.log('GoAccess is not installed (apt-get install goaccess): nothing to stand beside')
    return
  }
  const cookies = await signIns(appliance, 1)
  await watchCount(page)
  for (const linesPerSecond of [20, 500]) {
    const [watcher] = await openWatchers(appliance, cookies, 1, topics)
    const from = writer.marks.length
    const seconds = isQuick ? 8 : 20
    const before = { theirs: theirs.cpuSeconds, ours: cpuOf(appliance), count: writer.count }
    const bytes = { theirs: theirs.wireBytes, ours: watcher!.wireBytes }
    {
      using _ = writer.steadily(linesPerSecond)
      await wait(seconds * 1_000)
    }
    await allPainted(page, writer)
    await wait(settleMs)
    const lines = writer.count - before.count
    const each = (cpuSeconds: number) => `${((cpuSeconds / lines) * 1e6).toFixed(0)} µs`
    const perSecond = (count: number) => `${(count / 1024 / (seconds + settleMs / 1_000)).toFixed(1)} KiB/s`
    const ours = cpuOf(appliance).map((cpu, room) => cpu - before.ours[room]!)
    const whole = ours.reduce((sum, cpu) => sum + cpu, 0)
    console.log(`beside GoAccess, ${linesPerSecond} lines/s, one page:`)
    console.log(
      `  GoAccess: line to message ${spread(writer.lagsMs(theirs.told, from))}; ` +
        `${perSecond(theirs.wireBytes - bytes.theirs)} to a client; ` +
        `CPU ${each(theirs.cpuSeconds - before.theirs)} a line`,
    )
    console.log(
      `  ours: line to pixel ${spread(writer.lagsMs(await paintedCounts(page), from))}; ` +
        `${perSecond(watcher!.wireBytes - bytes.ours)} to a client; ` +
        `CPU ${each(ours[2]!)} a line in analytics, ${each(whole)} in all three`,
    )
    watcher!.close()
  }
}

class LiveGoAccess implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #socket: WebSocket
  readonly #wire: Socket
  /** The counts its messages told, as they came. */
  readonly told: Mark[] = []

  private constructor(child: ChildProcess, socket: WebSocket, wire: Socket) {
    this.#process = child
    this.#socket = socket
    this.#wire = wire
    socket.on('message', data => {
      const { general } = JSON.parse(String(data)) as { general?: { total_requests: number } }
      if (general) this.told.push({ count: general.total_requests, atMs: Date.now() })
    })
  }

  static async start(path: string, directory: string): Promise<LiveGoAccess | null> {
    if (!hasGoAccess()) return null
    const port = await freePort()
    const child = spawn(
      'goaccess',
      [path, ...goAccessArguments, '-o', join(directory, 'live.html'), '--real-time-html'].concat([
        '--addr=127.0.0.1',
        `--port=${port}`,
        '--no-progress',
      ]),
      { stdio: 'ignore' },
    )
    for (let attempt = 0; attempt < 50; attempt++) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
      const upgraded = once(socket, 'upgrade').catch(() => null)
      const opened = once(socket, 'open').then(
        () => true,
        () => false,
      )
      if (await opened) {
        const [response] = (await upgraded) as [{ socket: Socket }]
        return new LiveGoAccess(child, socket, response.socket)
      }
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    child.kill('SIGKILL')
    return null
  }

  get wireBytes(): number {
    return this.#wire.bytesRead
  }

  get cpuSeconds(): number {
    return usageOfProcess(this.#process.pid!).cpuSeconds
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate()
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }
}
