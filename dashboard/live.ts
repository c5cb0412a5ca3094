// The live protocol's client as a step machine: events in, effects out. It decides when to ask for the session,
// open the socket, subscribe, distrust a silence and try again. No socket, clock, timer or randomness inside.
import type { ClientMessage, LiveData, LiveTopic, ServerMessage } from '../analytics/http/contract.ts'
import {
  firstCeilingMs,
  hangUpAfterMs,
  type LiveEffect,
  type LiveEvent,
  type LiveState,
  lastCeilingMs,
  nextDeadline,
  type Phase,
  type Subscription,
  staleAfterMs,
} from './live-state.ts'

/** A connection that lived this long proves the server well, so the next failure starts from the first ceiling. */
const provenAfterMs = 5_000

/** Changes the state and pushes what is to be done, in order. `now` is any clock that does not run backwards. */
export function liveStep(state: LiveState, event: LiveEvent, now: number, effects: LiveEffect[]): void {
  switch (event.type) {
    case 'start':
      tryNow(state, now, effects)
      return
    case 'retry':
      // A stale connection is open in name only.
      if (state.phase === 'open' && state.stale) hangUp(state, now, effects)
      tryNow(state, now, effects)
      return
    case 'session':
      onSession(state, event.answer, event.build, now, effects)
      return
    case 'opened':
      if (state.phase !== 'opening') return
      enter(state, 'greeting', now)
      effects.push({ type: 'send', message: greeting(state) })
      return
    case 'message':
      onMessage(state, event.message, now, effects)
      return
    case 'closed':
      onClosed(state, event.code, now)
      return
    case 'tick':
      onTick(state, now, effects)
      return
    case 'visibility':
      onVisibility(state, event.hidden, now, effects)
      return
    case 'subscribe':
      subscribe(state, event.key, event.topic, event.args, effects)
      return
    case 'unsubscribe':
      unsubscribe(state, event.key, effects)
      return
  }
}

function enter(state: LiveState, phase: Phase, now: number): void {
  state.phase = phase
  state.phaseAt = now
  state.stale = false
}

function tryNow(state: LiveState, now: number, effects: LiveEffect[]): void {
  const quiet = state.phase === 'idle' || state.phase === 'waiting' || state.phase === 'signedOut'
  if (!quiet) return
  enter(state, 'checking', now)
  effects.push({ type: 'checkSession' })
}

function onSession(
  state: LiveState,
  answer: 'ok' | 'signedOut' | 'unreachable',
  build: string | undefined,
  now: number,
  effects: LiveEffect[],
): void {
  if (state.phase !== 'checking') return
  if (answer !== 'ok') {
    if (answer === 'signedOut') enter(state, 'signedOut', now)
    else waitToRetry(state, now)
    return
  }
  // The first build we meet is the one this page came with.
  if (state.build === '' && build !== undefined) state.build = build
  enter(state, 'opening', now)
  effects.push({ type: 'openSocket' })
}

function greeting(state: LiveState): ClientMessage {
  return {
    type: 'hello',
    version: 1,
    build: state.build,
    ...(state.epoch === null ? {} : { lastEpoch: state.epoch }),
  }
}

function onMessage(state: LiveState, message: ServerMessage, now: number, effects: LiveEffect[]): void {
  if (state.phase !== 'greeting' && state.phase !== 'open') return
  state.lastHeardAt = now
  state.stale = false
  state.counters.received += 1
  if (message.type === 'welcome') onWelcome(state, message, now, effects)
  else if (message.type === 'heartbeat') state.serverOffsetMs = message.serverTime - now
  else onAnswer(state, message, effects)
}

function onAnswer(
  state: LiveState,
  message: Extract<ServerMessage, { readonly id: number }>,
  effects: LiveEffect[],
): void {
  const subscription = byId(state, message.id)
  if (!subscription) {
    state.counters.ignored += 1
    return
  }
  if (message.type === 'refused') {
    subscription.settled = true
    effects.push({ type: 'refused', key: subscription.key, detail: message.detail })
  } else if (message.type === 'snap') {
    subscription.epoch = message.epoch
    subscription.seq = message.seq
    subscription.settled = true
    effects.push({ type: 'data', key: subscription.key, data: message.data, snapshot: true })
  } else {
    onDelta(state, subscription, message.seq, message.data, effects)
  }
}

function onWelcome(
  state: LiveState,
  message: Extract<ServerMessage, { type: 'welcome' }>,
  now: number,
  effects: LiveEffect[],
): void {
  if (state.welcomed) state.counters.reconnects += 1
  state.welcomed = true
  state.epoch = message.epoch
  state.newerBuild = state.build !== '' && message.build !== state.build
  state.serverOffsetMs = message.serverTime - now
  enter(state, 'open', now)
  state.lastHeardAt = now
  for (const subscription of state.subscriptions.values()) {
    // The same epoch means the server still has our place; another one means a snapshot must come first.
    subscription.settled = subscription.epoch === message.epoch && subscription.seq !== null
    effects.push({ type: 'send', message: subscribeMessage(subscription) })
  }
  if (state.hidden) effects.push({ type: 'send', message: { type: 'visibility', hidden: true } })
}

function onDelta(
  state: LiveState,
  subscription: Subscription,
  seq: number,
  data: LiveData,
  effects: LiveEffect[],
): void {
  if (subscription.seq === null) {
    // A fresh snapshot is on its way: this is the tail of what it replaces.
    state.counters.ignored += 1
  } else if (seq === subscription.seq + 1) {
    subscription.seq = seq
    subscription.settled = true
    effects.push({ type: 'data', key: subscription.key, data, snapshot: false })
  } else if (seq <= subscription.seq) {
    state.counters.duplicates += 1
  } else {
    // Something is missing, and it is never patched over: ask for a snapshot.
    state.counters.resubscribes += 1
    subscription.seq = null
    subscription.epoch = null
    subscription.settled = false
    effects.push({ type: 'send', message: { type: 'unsub', id: subscription.id } })
    effects.push({ type: 'send', message: subscribeMessage(subscription) })
  }
}

function onClosed(state: LiveState, code: number, now: number): void {
  const connected = state.phase === 'opening' || state.phase === 'greeting' || state.phase === 'open'
  if (!connected) return
  if (code === 4401 || code === 4426 || (code >= 4500 && code <= 4999)) {
    enter(state, code === 4401 ? 'signedOut' : 'outdated', now)
    return
  }
  if (state.phase === 'open' && now - state.phaseAt >= provenAfterMs) state.failures = 0
  waitToRetry(state, now)
}

function waitToRetry(state: LiveState, now: number): void {
  enter(state, 'waiting', now)
  const ceilingMs = Math.min(lastCeilingMs, firstCeilingMs * 2 ** Math.min(state.failures, 10))
  state.failures += 1
  state.retryAt = now + nextRandom(state) * ceilingMs
}

function onTick(state: LiveState, now: number, effects: LiveEffect[]): void {
  const due = nextDeadline(state)
  if (due === null || now < due) return
  switch (state.phase) {
    case 'waiting':
      tryNow(state, now, effects)
      return
    case 'checking':
      waitToRetry(state, now)
      return
    case 'opening':
    case 'greeting':
      hangUp(state, now, effects)
      return
    case 'open':
      state.stale = true
      if (now - state.lastHeardAt >= hangUpAfterMs) hangUp(state, now, effects)
      return
    case 'idle':
    case 'signedOut':
    case 'outdated':
      return
  }
}

function hangUp(state: LiveState, now: number, effects: LiveEffect[]): void {
  effects.push({ type: 'closeSocket' })
  waitToRetry(state, now)
}

function onVisibility(state: LiveState, hidden: boolean, now: number, effects: LiveEffect[]): void {
  if (state.hidden === hidden) return
  state.hidden = hidden
  if (state.phase === 'open') {
    if (!hidden && now - state.lastHeardAt >= staleAfterMs) {
      // Woken from sleep: the socket may be long dead without knowing it.
      hangUp(state, now, effects)
      tryNow(state, now, effects)
      return
    }
    effects.push({ type: 'send', message: { type: 'visibility', hidden } })
  } else if (!hidden) {
    tryNow(state, now, effects)
  }
}

function subscribe(
  state: LiveState,
  key: string,
  topic: LiveTopic,
  args: Readonly<Record<string, string>>,
  effects: LiveEffect[],
): void {
  unsubscribe(state, key, effects)
  // A view the reader has just asked for is loading, not out of date: it does not make the page catch up.
  const settled = state.phase === 'open'
  const subscription = { key, id: state.nextId, topic, args, epoch: null, seq: null, settled }
  state.nextId += 1
  state.subscriptions.set(key, subscription)
  if (state.phase === 'open') effects.push({ type: 'send', message: subscribeMessage(subscription) })
}

function unsubscribe(state: LiveState, key: string, effects: LiveEffect[]): void {
  const subscription = state.subscriptions.get(key)
  if (!subscription) return
  state.subscriptions.delete(key)
  if (state.phase === 'open') effects.push({ type: 'send', message: { type: 'unsub', id: subscription.id } })
}

function subscribeMessage({ id, topic, args, epoch, seq }: Subscription): ClientMessage {
  const from = epoch !== null && seq !== null ? { from: { epoch, seq } } : {}
  return { type: 'sub', id, topic, args, ...from }
}

function byId(state: LiveState, id: number): Subscription | undefined {
  for (const subscription of state.subscriptions.values()) if (subscription.id === id) return subscription
  return undefined
}

/** xorshift32: the jitter needs spread, not secrecy, and a test needs to know what comes. */
function nextRandom(state: LiveState): number {
  let x = state.random
  x ^= x << 13
  x ^= x >>> 17
  x ^= x << 5
  state.random = x >>> 0
  return state.random / 2 ** 32
}
