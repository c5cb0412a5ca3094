// Stories of rules over a real store, with a receiver on a real port: fired once, told until it is heard, over once;
// through restarts, refused deliveries and changed rules.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempDisposable } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAppDatabase } from '../app/app-database.ts'
import { Rows } from '../queries/rows.ts'
import { openReader } from '../store/schema.ts'
import { accessRecord, FixedClock, fillUsual, nowMs, StoreFeed, silentLog } from '../test-store.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { Alerts } from './alerts.ts'
import { type RuleInput, ruleSchema } from './rule.ts'

const minute = 60_000
const days = new ZoneDays('UTC')

/** Takes notifications; `answers` are the statuses of the next ones, then 200. */
class Receiver {
  readonly heard: { readonly headers: IncomingMessage['headers']; readonly body: string }[] = []
  answers: number[] = []
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      let body = ''
      request.on('data', chunk => {
        body += String(chunk)
      })
      request.on('end', () => {
        this.heard.push({ headers: request.headers, body })
        response.writeHead(this.answers.shift() ?? 200, { location: '/elsewhere' }).end('ok')
      })
    })
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  events(): string[] {
    return this.heard.map(({ body }) => (JSON.parse(body) as { event: string }).event)
  }

  [Symbol.dispose](): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

/** A store with ten usual minutes, and alerts on it that can be stopped and started. */
class Scene {
  readonly clock = new FixedClock()
  readonly feed: StoreFeed
  readonly #directory: string
  readonly fileRules: RuleInput[]
  readonly allow: string[]
  isReading = true
  alerts: Alerts
  #stop = () => {}

  constructor(directory: string, fileRules: RuleInput[], allow = ['127.0.0.1']) {
    this.#directory = directory
    this.fileRules = fileRules
    this.allow = allow
    this.feed = new StoreFeed(join(directory, 'windows.db'), this.clock)
    fillUsual(this.feed)
    this.alerts = this.start()
  }

  start(): Alerts {
    const database = openAppDatabase(join(this.#directory, 'app.db'))
    const connection = openReader(join(this.#directory, 'windows.db'))
    const rows = new Rows(connection)
    const alerts = new Alerts({
      database,
      reading: () => ({ rows, days, nowMs: this.clock.atMs }),
      isReading: () => this.isReading,
      clock: this.clock,
      log: silentLog,
      fileRules: this.fileRules,
      webhookAllow: this.allow,
      random: () => 0,
    })
    this.#stop = () => {
      database.close()
      connection.close()
    }
    this.alerts = alerts
    return alerts
  }

  restart(): void {
    this.alerts.close()
    this.#stop()
    this.start()
  }

  /** As kill -9: nothing is saved on the way out. */
  crash(): void {
    this.#stop()
    this.start()
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 10_000) {
      this.clock.atMs += Math.min(left, 10_000)
      this.alerts.tick()
      await this.alerts.delivered()
    }
  }

  /** `count` failing requests in the last second. */
  fail(count: number): void {
    const at = Math.floor(this.clock.atMs / 1000) * 1000 - 1000
    this.feed.add(
      'logs',
      Array.from({ length: count }, () => accessRecord(at, 20)),
    )
  }

  close(): void {
    this.alerts.close()
    this.#stop()
    this.feed.close()
  }
}

async function scene(
  work: (scene: Scene, receiver: Receiver) => Promise<void>,
  rules: (url: string) => RuleInput[],
  allow?: string[],
): Promise<void> {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'alerts-'))
  using receiver = new Receiver()
  const url = await receiver.listen()
  const made = new Scene(directory.path, rules(url), allow)
  try {
    await work(made, receiver)
  } finally {
    made.close()
  }
}

const errors = (url: string, more: Partial<RuleInput> = {}) =>
  ({
    name: 'Many errors',
    kind: 'threshold',
    metric: 'errors',
    window: '1m',
    op: '>=',
    threshold: 100,
    labels: { severity: 'page' },
    summary: 'Look at the shop',
    webhooks: [url],
    ...more,
  }) as RuleInput

test('what fires is told once with a signature, lasts, and is over once', () =>
  scene(
    async (made, receiver) => {
      await made.pass(10_000)
      assert.deepEqual(receiver.events(), [])
      made.fail(150)
      // A minute for late lines, then the next whole moment.
      await made.pass(50_000)
      assert.deepEqual(receiver.events(), [])
      await made.pass(30_000)
      assert.deepEqual(receiver.events(), ['firing'])
      const [view] = made.alerts.answer(10).firing
      assert.deepEqual(view!.labels, { severity: 'page' })
      assert.equal(view!.value! >= 150, true)
      await made.pass(3 * minute)
      assert.deepEqual(receiver.events(), ['firing', 'resolved'])

      const [{ headers, body }] = receiver.heard as [(typeof receiver.heard)[0]]
      const told = JSON.parse(body) as Record<string, unknown>
      assert.deepEqual(
        [told['labels'], told['summary'], told['resolvedAt']],
        [{ severity: 'page' }, 'Look at the shop', null],
      )
      const url = made.fileRules[0]!.webhooks![0]!
      const signed = createHmac('sha256', made.alerts.secretFor(url))
        .update(`${headers['tailrace-timestamp']}.${body}`)
        .digest('hex')
      assert.equal(headers['tailrace-signature'], `v1=${signed}`)
      const { history, firing, deliveries } = made.alerts.answer(10)
      assert.deepEqual([history.length, firing.length, deliveries.waiting], [1, 0, 0])
      assert.equal(history[0]!.reason, 'value')
      assert.ok(history[0]!.resolvedAt! > history[0]!.firedAt)
    },
    url => [errors(url)],
  ))

test('a restart or a crash at any moment tells nothing twice and forgets nothing', () =>
  scene(
    async (made, receiver) => {
      made.fail(150)
      for (let time = 0; time < 36; time++) {
        await made.pass(10_000)
        if (time % 2 === 0) made.restart()
        else made.crash()
      }
      assert.deepEqual(receiver.events(), ['firing', 'resolved'])
      assert.equal(made.alerts.answer(10).history.length, 1)
    },
    url => [errors(url, { for: '20s' })],
  ))

test('what the process missed while it was down is judged afterwards, at its own times', () =>
  scene(
    async (made, receiver) => {
      await made.pass(10_000)
      made.fail(150)
      made.clock.atMs += 30 * minute
      made.restart()
      await made.pass(minute)
      assert.deepEqual(receiver.events(), ['firing', 'resolved'])
      const [episode] = made.alerts.answer(10).history
      assert.ok(episode!.firedAt < nowMs + 2 * minute, 'at the time of the lines, not of the restart')
    },
    url => [errors(url)],
  ))

test('a notification is tried again until it is heard, in order, and under one name', () =>
  scene(
    async (made, receiver) => {
      receiver.answers = [500, 302, 503]
      made.fail(150)
      await made.pass(10 * minute)
      assert.deepEqual(receiver.events(), ['firing', 'firing', 'firing', 'firing', 'resolved'])
      const names = receiver.heard.map(({ headers }) => headers['idempotency-key'])
      assert.equal(new Set(names.slice(0, 4)).size, 1)
      assert.notEqual(names[3], names[4])
    },
    url => [errors(url)],
  ))

test('a receiver on this machine is refused unless the settings allow it, and the refusal is shown', () =>
  scene(
    async (made, receiver) => {
      made.fail(150)
      await made.pass(2 * minute)
      assert.deepEqual(receiver.heard, [])
      assert.equal(made.alerts.answer(1).deliveries.waiting > 0, true)
      assert.match(made.alerts.answer(1).deliveries.lastError!, /127.0.0.1 is not on the public internet/)
      const { notified } = made.alerts.answer(1).history[0]!
      assert.deepEqual([notified!.delivered, notified!.waiting > 0], [0, true])
      assert.match(notified!.lastError!, /not on the public internet/)
      made.allow.push('127.0.0.0/8')
      made.restart()
      await made.pass(10 * minute)
      assert.deepEqual(receiver.events(), ['firing', 'resolved'])
    },
    url => [errors(url)],
    [],
  ))

test('rules of the API live through restarts; changing what one means, or deleting it, ends what fires', () =>
  scene(
    async (made, receiver) => {
      const url = made.fileRules[0]!.webhooks![0]!
      const rule = ruleSchema.parse(errors(url, { name: 'Of the API', threshold: 120 }))
      const { id } = made.alerts.add(rule)
      made.fail(105)
      await made.pass(80_000)
      assert.deepEqual(
        made.alerts.answer(9).firing.map(alert => alert.ruleName),
        ['Many errors'],
      )
      made.restart()
      assert.equal(made.alerts.rule(id).rule.threshold, 120)
      made.alerts.change(id, { ...rule, threshold: 90 } as typeof rule)
      await made.pass(10_000)
      assert.equal(made.alerts.answer(9).firing.length, 2)
      // Another name means the same.
      made.alerts.change(id, { ...rule, threshold: 90, name: 'Renamed' } as typeof rule)
      assert.equal(made.alerts.answer(9).firing.length, 2)
      made.alerts.remove(id)
      await made.pass(10_000)
      assert.deepEqual(
        made.alerts.answer(9).history.find(({ ruleId }) => ruleId === id)?.reason,
        'ruleDeleted',
      )
      assert.deepEqual(receiver.events(), ['firing', 'firing', 'resolved'])
      assert.throws(() => made.alerts.remove('file-many-errors'), /configuration file/)
      assert.throws(() => made.alerts.rule(id), /no alert rule/)
      // A rule that went from the file, while this was stopped.
      made.fileRules.pop()
      made.restart()
      assert.equal(
        made.alerts.answer(9).history.every(({ resolvedAt }) => resolvedAt !== null),
        true,
      )
    },
    url => [errors(url)],
  ))

test('silence is an alert when the log is read to its end, not while there is more to read', () =>
  scene(
    async (made, receiver) => {
      made.isReading = false
      await made.pass(10 * minute)
      assert.deepEqual(receiver.events(), [])
      made.isReading = true
      await made.pass(minute)
      assert.deepEqual(receiver.events(), ['firing'])
      made.fail(1)
      await made.pass(2 * minute)
      assert.deepEqual(receiver.events(), ['firing', 'resolved'])
    },
    url => [{ name: 'Silence', kind: 'absence', metric: 'lines', window: '5m', webhooks: [url] }],
  ))

test('a preview says what a rule would have done, without telling anybody', () =>
  scene(
    async (made, receiver) => {
      const rule = ruleSchema.parse({ ...errors('http://127.0.0.1:1/'), threshold: 12, webhooks: [] })
      const seen = await made.alerts.preview(rule, { fromMs: nowMs - 15 * minute, toMs: nowMs })
      assert.deepEqual([seen.stepSeconds, seen.truncated, seen.episodes.length], [10, false, 1])
      assert.equal(new Date(seen.episodes[0]!.firedAt).toISOString(), '2026-11-24T08:01:00.000Z')
      assert.equal(seen.episodes[0]!.resolvedAt, null)
      const none = await made.alerts.preview({ ...rule, threshold: 13 } as typeof rule, {
        fromMs: nowMs - 15 * minute,
        toMs: nowMs,
      })
      assert.equal(none.episodes.length, 0)
      assert.deepEqual([receiver.heard.length, made.alerts.answer(9).history.length], [0, 0])
      await assert.rejects(made.alerts.preview(rule, { fromMs: nowMs, toMs: nowMs }), /from must be before/)
    },
    () => [],
  ))
