// The protocol client as stories: a connection is welcomed, resumes, distrusts a gap and a silence, gives up
// only where the server says so. Each line is an event, the phase after it, and what it caused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LiveData, ServerMessage } from '../analytics/http/contract.ts'
import { liveStep } from './live.ts'
import {
  initialLive,
  isCatchingUp,
  type LiveEffect,
  type LiveEvent,
  lastCeilingMs,
  nextDeadline,
  staleAfterMs,
} from './live-state.ts'

const losses: LiveData = { kind: 'losses', losses: { totalLines: 0, entries: [] } }

class Story {
  readonly state = initialLive(8241)
  now = 1_000
  readonly lines: string[] = []
  #effects: LiveEffect[] = []

  tell(event: LiveEvent, name: string = event.type): this {
    this.#effects = []
    liveStep(this.state, event, this.now, this.#effects)
    this.lines.push([`${name} → ${this.state.phase}`, ...this.#effects.map(word)].join(' · '))
    return this
  }

  hear(message: ServerMessage): this {
    return this.tell({ type: 'message', message }, message.type)
  }

  /** To an open connection with one subscription that has seen seq 7 of epoch A. */
  opened(): this {
    this.tell({ type: 'subscribe', key: 'losses', topic: 'losses', args: {} })
    this.tell({ type: 'start' }).tell({ type: 'session', answer: 'ok', build: 'b1' }).tell({ type: 'opened' })
    this.hear(welcome('A')).hear(snap(7))
    this.lines.length = 0
    return this
  }

  text(): string {
    return `\n${this.lines.join('\n')}\n`
  }
}

function word(effect: LiveEffect): string {
  if (effect.type === 'data') return `${effect.snapshot ? 'snapshot' : 'delta'} of ${effect.key}`
  if (effect.type === 'refused') return `refused ${effect.key}: ${effect.detail}`
  if (effect.type !== 'send') return effect.type
  const { message } = effect
  if (message.type === 'sub')
    return `sub ${message.id}${message.from ? ` from ${message.from.epoch}/${message.from.seq}` : ''}`
  if (message.type === 'unsub') return `unsub ${message.id}`
  if (message.type === 'visibility') return message.hidden ? 'hidden' : 'shown'
  return `hello ${message.build}${message.lastEpoch ? ` after ${message.lastEpoch}` : ''}`
}

function welcome(epoch: string, build = 'b1'): ServerMessage {
  return { type: 'welcome', session: 's', epoch, serverTime: 5_000_000, build, hz: 4 }
}

function snap(seq: number, id = 1, epoch = 'A'): ServerMessage {
  return { type: 'snap', id, epoch, seq, data: losses }
}

function delta(seq: number, id = 1): ServerMessage {
  return { type: 'delta', id, seq, data: losses }
}

test('a first connection checks the session, greets, subscribes and is current with its snapshot', () => {
  const story = new Story()
  story.tell({ type: 'subscribe', key: 'losses', topic: 'losses', args: {} })
  story.tell({ type: 'start' }).tell({ type: 'session', answer: 'ok', build: 'b1' }).tell({ type: 'opened' })
  story.hear(welcome('A'))
  assert.equal(isCatchingUp(story.state), true)
  story.hear(snap(7)).hear(delta(8))
  assert.equal(isCatchingUp(story.state), false)
  assert.equal(
    story.text(),
    `
subscribe → idle
start → checking · checkSession
session → opening · openSocket
opened → greeting · hello b1
welcome → open · sub 1
snap → open · snapshot of losses
delta → open · delta of losses
`,
  )
})

test('after a restart the page resumes by epoch and seq, and waits for the snapshot of a new epoch', () => {
  const story = new Story().opened()
  story.now += 60_000
  story.tell({ type: 'closed', code: 1006 })
  story.now = story.state.retryAt
  story.tell({ type: 'tick' }).tell({ type: 'session', answer: 'ok', build: 'b2' }).tell({ type: 'opened' })
  story.hear(welcome('B', 'b2'))
  assert.equal(isCatchingUp(story.state), true, 'what is on screen is from before')
  story.hear(snap(1, 1, 'B'))
  assert.equal(isCatchingUp(story.state), false)
  assert.equal(story.state.counters.reconnects, 1)
  assert.equal(
    story.text(),
    `
closed → waiting
tick → checking · checkSession
session → opening · openSocket
opened → greeting · hello b1 after A
welcome → open · sub 1 from A/7
snap → open · snapshot of losses
`,
  )
})

test('a resume within the same epoch is current at once: quiet topics may have nothing to say', () => {
  const story = new Story().opened()
  story.tell({ type: 'closed', code: 4409 })
  story.tell({ type: 'retry' }).tell({ type: 'session', answer: 'ok' }).tell({ type: 'opened' })
  story.hear(welcome('A'))
  assert.equal(isCatchingUp(story.state), false)
  story.hear(delta(8))
  assert.equal(story.lines.at(-1), 'delta → open · delta of losses')
})

test('a gap in seq is never patched over: the page asks again and believes nothing until the snapshot', () => {
  const story = new Story().opened()
  story.hear(delta(8)).hear(delta(10)).hear(delta(11)).hear(snap(12)).hear(delta(13)).hear(delta(13))
  assert.deepEqual(
    [story.state.counters.resubscribes, story.state.counters.ignored, story.state.counters.duplicates],
    [1, 1, 1],
  )
  assert.equal(
    story.text(),
    `
delta → open · delta of losses
delta → open · unsub 1 · sub 1
delta → open
snap → open · snapshot of losses
delta → open · delta of losses
delta → open
`,
  )
})

test('a silence makes the page stale after two heartbeats and hangs up after four', () => {
  const story = new Story().opened()
  story.now = nextDeadline(story.state)!
  story.tell({ type: 'tick' })
  assert.equal(story.state.stale, true)
  story.hear({ type: 'heartbeat', serverTime: 5_000_000 })
  assert.equal(story.state.stale, false)
  story.now = nextDeadline(story.state)!
  story.tell({ type: 'tick' })
  story.now = nextDeadline(story.state)!
  story.tell({ type: 'tick' })
  assert.equal(
    story.text(),
    `
tick → open
heartbeat → open
tick → open
tick → waiting · closeSocket
`,
  )
})

test('asking for a retry hangs up a stale connection, and leaves a healthy one alone', () => {
  const story = new Story().opened()
  story.tell({ type: 'retry' })
  story.now = nextDeadline(story.state)!
  story.tell({ type: 'tick' }).tell({ type: 'retry' })
  assert.equal(story.text(), '\nretry → open\ntick → open\nretry → checking · closeSocket · checkSession\n')
})

test('reconnecting goes on for ever, with full jitter under 15 s, and a proven connection resets it', () => {
  const story = new Story()
  story.tell({ type: 'start' })
  const delays: number[] = []
  for (let round = 0; round < 200; round += 1) {
    story.tell({ type: 'session', answer: 'unreachable' })
    delays.push(story.state.retryAt - story.now)
    story.now = story.state.retryAt
    story.tell({ type: 'tick' })
  }
  assert.ok(delays[0]! <= 250)
  assert.ok(Math.max(...delays) <= lastCeilingMs)
  const late = delays.slice(20)
  assert.ok(Math.min(...late) < 3_000 && Math.max(...late) > 12_000, 'jitter covers the whole range')

  story.tell({ type: 'session', answer: 'ok', build: 'b1' }).tell({ type: 'opened' }).hear(welcome('A'))
  story.now += 6_000
  story.tell({ type: 'closed', code: 1006 })
  assert.ok(story.state.retryAt - story.now <= 250)
})

test('coming online or being shown again retries at once; a shown page with a dead socket opens a new one', () => {
  const waiting = new Story().opened()
  waiting.tell({ type: 'visibility', hidden: true })
  waiting.tell({ type: 'closed', code: 1006 }).tell({ type: 'visibility', hidden: false })
  assert.equal(waiting.lines.at(-1), 'visibility → checking · checkSession')

  const asleep = new Story().opened()
  asleep.tell({ type: 'visibility', hidden: true })
  asleep.now += staleAfterMs
  asleep.tell({ type: 'visibility', hidden: false })
  assert.equal(asleep.lines.at(-1), 'visibility → checking · closeSocket · checkSession')
})

test('a hidden page says so, and says it again after a reconnect', () => {
  const story = new Story().opened()
  story.tell({ type: 'visibility', hidden: true }).tell({ type: 'closed', code: 1006 })
  story.tell({ type: 'retry' }).tell({ type: 'session', answer: 'ok' }).tell({ type: 'opened' })
  story.hear(welcome('A')).tell({ type: 'visibility', hidden: false })
  assert.equal(story.lines[0], 'visibility → open · hidden')
  assert.equal(story.lines.at(-2), 'welcome → open · sub 1 from A/7 · hidden')
  assert.equal(story.lines.at(-1), 'visibility → open · shown')
})

test('4401 asks for a sign-in and 4426 for a reload; neither is retried by time', () => {
  for (const [code, phase] of [
    [4401, 'signedOut'],
    [4426, 'outdated'],
    [4501, 'outdated'],
    [4008, 'waiting'],
    [4409, 'waiting'],
  ] as const) {
    const story = new Story().opened().tell({ type: 'closed', code })
    assert.equal(story.state.phase, phase, `close code ${code}`)
    assert.equal(nextDeadline(story.state) === null, phase !== 'waiting')
  }
})

test('a missing session shows the sign-in, and a later start tries again', () => {
  const story = new Story()
  story.tell({ type: 'start' }).tell({ type: 'session', answer: 'signedOut' }).tell({ type: 'start' })
  assert.equal(
    story.text(),
    '\nstart → checking · checkSession\nsession → signedOut\nstart → checking · checkSession\n',
  )
})

test('a handshake or welcome that does not come is given up and tried again', () => {
  const story = new Story()
  story.tell({ type: 'start' }).tell({ type: 'session', answer: 'ok' })
  story.now = nextDeadline(story.state)!
  story.tell({ type: 'tick' })
  assert.equal(story.lines.at(-1), 'tick → waiting · closeSocket')
})

test('subscribing again under a key replaces it, and messages for the old id are ignored', () => {
  const story = new Story().opened()
  story.tell({ type: 'subscribe', key: 'losses', topic: 'losses', args: { window: '1h' } })
  story.hear(delta(8, 1)).hear(snap(1, 2))
  assert.equal(
    story.text(),
    `
subscribe → open · unsub 1 · sub 2
delta → open
snap → open · snapshot of losses
`,
  )
})

test('a refused subscription says why and does not keep the page catching up', () => {
  const story = new Story()
  story.tell({ type: 'subscribe', key: 'tail', topic: 'tail', args: { topic: 'nope' } })
  story
    .tell({ type: 'start' })
    .tell({ type: 'session', answer: 'ok' })
    .tell({ type: 'opened' })
    .hear(welcome('A'))
  story.hear({ type: 'refused', id: 1, detail: 'no such topic' })
  assert.equal(story.lines.at(-1), 'refused → open · refused tail: no such topic')
  assert.equal(isCatchingUp(story.state), false)
})
