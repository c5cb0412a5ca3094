// Frames of `tailrace top` fit the terminal they are drawn for, whatever is in them; keys do what the help says; and a
// real terminal is as it was when it ends, by a key or by a signal.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AgentStatus, BrokerStatus, ClusterState } from '../analytics/http/contract.ts'
import type { AnswerServer } from '../analytics/server.ts'
import { FixedClock, fillUsual, StoreFeed, startTestServer, testConfig } from '../analytics/test-store.ts'
import { launcher, runCommand } from './run-command.ts'
import { wantsColour } from './top.ts'
import { afterKey, type TopState, type TopView, topFrame } from './top-frame.ts'

const agent = (host: string, linesPerSecond: number) =>
  ({ host, linesPerSecond, files: 2, bytesBehind: 10, errors: [] }) as unknown as AgentStatus
const broker = { id: 1, host: 'h', port: 9092, up: false, leaders: 3, replicas: 4, inSync: 2 } as BrokerStatus
const state: TopState = {
  ...{ overview: null, groups: null, trouble: null },
  cluster: {
    healthy: false,
    brokers: [{ ...broker, diskBytes: 5, diskFreeBytes: null }],
  } as unknown as ClusterState,
  agents: { agents: [agent('web-2', 9), agent('web-1', 5), agent(`\x1b[31m${'long'.repeat(60)}`, 1)] },
  top: { rows: [{ value: '/a\x1b]0;x\x07', count: 3, share: 0.5 }] } as unknown as TopState['top'],
}
const view: TopView = {
  ...{ columns: 80, rows: 24, sort: 0, filter: '', isFiltering: false, isHelp: false, isColoured: false },
}

test('a frame fits, of every size, and nothing in it steers the terminal', () => {
  for (const [columns, rows] of [
    [80, 24],
    [81, 10],
    [200, 60],
    [100, 5],
  ] as const) {
    for (const isHelp of [false, true]) {
      const frame = topFrame(state, { ...view, columns, rows, isHelp }, 0)
      assert(frame.length <= rows, `${frame.length} lines of ${rows}`)
      for (const line of frame)
        assert(line.length <= columns, `${line.length} columns of ${columns}: ${line}`)
      assert.doesNotMatch(frame.join(''), /[\u0000-\u001f\u007f]/)
    }
  }
})

test('a terminal that is too narrow is asked for more columns', () => {
  const frame = topFrame(state, { ...view, columns: 60 }, 0)
  assert.match(frame.join('\n'), /needs 80 columns, and there are 60/)
  assert(frame.every(line => line.length <= 60))
})

test('keys sort, filter, help and end', () => {
  const order = (sort: number) => {
    const lines = topFrame(state, { ...view, sort }, 0)
    return lines.flatMap(line => /^web-\d/.exec(line)?.[0] ?? [])
  }
  assert.deepEqual(order(1), ['web-1', 'web-2'])
  assert.equal(afterKey(view, '2')?.sort, 2)
  assert.deepEqual(order(2), ['web-2', 'web-1'])
  const typed = [...'/web-2\r'].reduce<TopView>((seen, key) => afterKey(seen, key)!, view)
  assert.deepEqual([typed.filter, typed.isFiltering], ['web-2', false])
  assert.doesNotMatch(topFrame(state, typed, 0).join('\n'), /web-1/)
  assert.equal(afterKey(typed, '\x1b')?.filter, '')
  assert.match(topFrame(state, afterKey(view, '?')!, 0).join('\n'), /3 {2}sort agents by bytes behind/)
  assert.equal(afterKey(view, 'q'), null)
  assert.equal(afterKey({ ...view, isFiltering: true }, 'q')?.filter, 'q')
  assert.equal(afterKey({ ...view, isFiltering: true }, '\x03'), null)
})

test('what is wrong is said, in colour only where that is wanted', () => {
  const plain = topFrame(state, view, 0)
  assert.match(plain[0]!, /NOT HEALTHY, 0 of 1 brokers/)
  assert.match(topFrame({ ...state, trouble: 'gone' }, view, 0)[0]!, /stale: gone/)
  assert.match(topFrame(state, { ...view, isColoured: true }, 0)[0]!, /^\x1b\[31m/)
  assert.equal(wantsColour('auto', { NO_COLOR: '1' }, true), false)
  assert.equal(wantsColour('auto', {}, true), true)
  assert.equal(wantsColour('auto', { FORCE_COLOR: '1' }, false), true)
  assert.equal(wantsColour('always', { NO_COLOR: '1' }, false), true)
})

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let asked: string[]
before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'top-'))
  const config = testConfig(directory.path)
  const clock = new FixedClock()
  const feed = new StoreFeed(join(config.dataDirectory, 'windows.db'), clock)
  fillUsual(feed)
  feed.close()
  server = await startTestServer(config, clock)
  asked = ['--data', dirname(config.tokenPath), '--http-port', String(server.port)]
})
after(async () => {
  await server.close()
  await directory[Symbol.asyncDispose]()
})

test('top --once prints a frame, --json what is known; without a terminal nothing else is possible', async () => {
  const once = await runCommand(directory.path, ['top', '--once', ...asked])
  assert.equal(once.code, 0, once.errors)
  assert.match(once.output, /^tailrace top .*\nlines .*requests/)
  assert.match(once.output, /^TOP PATHS/m)
  assert.doesNotMatch(once.output, /\x1b/)
  const json = await runCommand(directory.path, ['top', '--json', ...asked])
  const shown = JSON.parse(json.output) as TopState
  assert((shown.top?.rows.length ?? 0) > 0)
  assert.equal((await runCommand(directory.path, ['top', ...asked])).code, 64)
})

const enter = '\x1b[?1049h\x1b[?25l'
const leave = '\x1b[?25h\x1b[?1049l'

/** In a real terminal of its own; `act` is called once it draws. */
async function inTerminal(act: (say: (text: string) => void, pid: number) => void): Promise<string> {
  const words = [process.execPath, launcher, 'top', ...asked].map(word => `'${word}'`).join(' ')
  const line = `stty cols 90 rows 24; echo PID $$; exec ${words}`
  const child = spawn('script', ['-qfec', line, '/dev/null'], { env: { ...process.env, SHELL: '/bin/sh' } })
  let seen = ''
  let hasActed = false
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk
    const pid = /PID (\d+)/.exec(seen)?.[1]
    if (hasActed || pid === undefined || !seen.includes('TOP PATHS')) return
    hasActed = true
    act(text => child.stdin.write(text), Number(pid))
  })
  await new Promise(resolve => child.once('close', resolve))
  return seen
}

test('a terminal is as it was after q, and after a signal', async () => {
  const quit = await inTerminal(say => say('q'))
  assert(quit.indexOf(enter) >= 0 && quit.lastIndexOf(leave) > quit.indexOf(enter), 'the screen comes back')
  const killed = await inTerminal((_say, pid) => process.kill(pid, 'SIGTERM'))
  assert(killed.lastIndexOf(leave) > killed.indexOf(enter), 'the screen comes back')
})
