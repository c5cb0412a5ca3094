// Real child processes: ready, killed, brought back, stopped, and gone when the supervisor is.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { ExitError } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import { type ProcessSpec, Supervisor } from './supervisor.ts'

const lifecycle = join(import.meta.dirname, '../runtime/lifecycle.ts')
const obedient = `
import { aborted, runProcess } from ${JSON.stringify(lifecycle)}
await runProcess('child', async context => { context.ready({ port: 7 }); await aborted(context.signal) })`
const refusing = `
import { ExitError, runProcess } from ${JSON.stringify(lifecycle)}
await runProcess('child', async () => { throw new ExitError(78, 'Cannot start: say why') })`

/** A log whose lines can be awaited. */
function listeningLog() {
  const waiting: { pattern: RegExp; settle: (line: string) => void }[] = []
  const say = (message: string) => {
    for (const waiter of waiting.filter(each => each.pattern.test(message))) waiter.settle(message)
  }
  const log: Log = { debug: say, info: say, warn: say, error: say }
  const line = (pattern: RegExp) => new Promise<string>(settle => waiting.push({ pattern, settle }))
  return { log, line }
}

async function specIn(directory: string, source: string): Promise<ProcessSpec> {
  const entry = join(directory, 'child.ts')
  await writeFile(entry, `// A child.\n${source}`)
  return { name: 'child', entry, config: {}, stopTimeoutMs: 1_000 }
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('Supervisor brings back a child that was killed, and stop() leaves none', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'supervisor-'))
  const { log, line } = listeningLog()
  const supervisor = new Supervisor(log, directory.path)
  const facts = await supervisor.start(await specIn(directory.path, obedient))
  assert.equal(facts['port'], 7)
  const back = line(/child is back/)
  process.kill(facts.pid, 'SIGKILL')
  await back
  assert.equal(alive(facts.pid), false)
  await supervisor.stop()
})

test("Supervisor.start() rejects with the child's own exit code and sentence", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'supervisor-'))
  const supervisor = new Supervisor(listeningLog().log, directory.path)
  await assert.rejects(supervisor.start(await specIn(directory.path, refusing)), (error: unknown) => {
    assert(error instanceof ExitError)
    assert.deepEqual([error.exitCode, error.message], [78, 'Cannot start: say why'])
    return true
  })
  await supervisor.stop()
})

test('a process that is refused leaves the pid of the one that runs, and its last words are told', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'supervisor-'))
  const pidPath = join(directory.path, 'child.pid')
  await writeFile(pidPath, '4711\n')
  const supervisor = new Supervisor(listeningLog().log, directory.path)
  const dying = await specIn(
    directory.path,
    `console.error('FATAL ERROR: out of memory\\n 1: 0xb8 FatalOOM()'); process.exit(1)`,
  )
  await assert.rejects(
    supervisor.start(dying),
    /^ExitError: child ended with code 1 before it was ready: FATAL ERROR: out of memory\. .*child\.log"$/,
  )
  assert.equal(await readFile(pidPath, 'utf8'), '4711\n')
  const facts = await supervisor.start(await specIn(directory.path, obedient))
  assert.equal(Number(await readFile(pidPath, 'utf8')), facts.pid)
  await supervisor.stop()
})

test('what every try says anew is said once', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'supervisor-'))
  const said: string[] = []
  const say = (message: string) => said.push(message)
  const supervisor = new Supervisor({ debug: say, info: say, warn: say, error: say }, directory.path)
  const line = (message: string) => JSON.stringify({ level: 'warn', message })
  const lines = [line('cannot fetch'), line('cannot fetch'), line('something else'), line('cannot fetch')]
  const source = `process.stderr.write(${JSON.stringify(`${lines.join('\n')}\n`)}, () => process.exit(1))`
  await assert.rejects(supervisor.start(await specIn(directory.path, source)))
  await supervisor.stop()
  assert.deepEqual(said, ['child: cannot fetch', 'child: something else'])
})

test('a program that cannot be run now is tried again, and started when it can be', async context => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'supervisor-'))
  const { log, line } = listeningLog()
  const supervisor = new Supervisor(log, directory.path)
  const facts = await supervisor.start(await specIn(directory.path, obedient))
  const node = process.execPath
  context.after(() => {
    process.execPath = node
  })
  const refused = line(/child ended \(.*ENOENT/)
  const back = line(/child is back/)
  process.execPath = join(directory.path, 'no-such-node')
  process.kill(facts.pid, 'SIGKILL')
  await refused
  process.execPath = node
  await back
  assert.notEqual(supervisor.pidOf('child') ?? facts.pid, facts.pid)
  await supervisor.stop()
})

test('Supervisor.stop() ends a child that has not come up, and nothing is started afterwards', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'supervisor-'))
  const supervisor = new Supervisor(listeningLog().log, directory.path)
  const spec = await specIn(directory.path, 'setInterval(() => {}, 1_000)')
  void supervisor.start(spec)
  const pid = supervisor.pidOf('child')!
  await supervisor.stop()
  assert.equal(alive(pid), false)
  await assert.rejects(supervisor.start(spec), /everything is being stopped/)
})

test('a child ends by itself when its supervisor is killed with -9', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'supervisor-'))
  const spec = await specIn(directory.path, obedient)
  const parentPath = join(directory.path, 'parent.ts')
  await writeFile(
    parentPath,
    `// A supervisor to be killed.
import { Supervisor } from ${JSON.stringify(join(import.meta.dirname, 'supervisor.ts'))}
const log = { debug() {}, info() {}, warn() {}, error() {} }
const facts = await new Supervisor(log, ${JSON.stringify(directory.path)}).start(${JSON.stringify(spec)})
console.log(facts.pid)`,
  )
  const parent = spawn(process.execPath, [parentPath], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [pidText] = (await once(createInterface(parent.stdout), 'line')) as [string]
  const exited = once(parent.stdout, 'close')
  parent.kill('SIGKILL')
  await exited
  const deadline = performance.now() + 60_000
  while (alive(Number(pidText)) && performance.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 20))
  assert.equal(alive(Number(pidText)), false)
})

/** Says that it is stopping, and ends by itself only when the other has said so too. */
const sociable = `
import { existsSync, writeFileSync } from 'node:fs'
import { aborted, configFromArguments, runProcess } from ${JSON.stringify(lifecycle)}
const { mine, other, done } = configFromArguments()
await runProcess('child', async context => {
  context.ready({})
  await aborted(context.signal)
  writeFileSync(mine, '')
  while (!existsSync(other)) await new Promise(resolve => setTimeout(resolve, 5))
  writeFileSync(done, '')
})`

test('Supervisor stops the processes of one group together', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'supervisor-'))
  const supervisor = new Supervisor(listeningLog().log, directory.path)
  const spec = await specIn(directory.path, sociable)
  const place = (name: string) => join(directory.path, name)
  const start = (mine: string, other: string) =>
    supervisor.start({
      ...{ ...spec, name: mine, group: 'pair' },
      config: { mine: place(mine), other: place(other), done: place(`${mine}-done`) },
    })
  await Promise.all([start('one', 'two'), start('two', 'one')])
  await supervisor.stop()
  assert.deepEqual([existsSync(place('one-done')), existsSync(place('two-done'))], [true, true])
})
