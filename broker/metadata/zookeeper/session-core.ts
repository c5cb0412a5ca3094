// One ZooKeeper session and the connections that carry it, one at a time, as a machine that only decides: frames,
// clock readings and wishes in, effects out. It knows neither sockets nor timers, so a test can tell it any story.
// A write is sent at most once: if its answer is lost nobody here tries again. See session-state.ts for the words.
import { JuteError, JuteReader } from './jute.ts'
import {
  closeSession,
  decodeConnect,
  decodeReplyHeader,
  decodeWatchEvent,
  encodeConnect,
  encodeRequest,
  errorCodes,
  errorName,
  noPassword,
  pingFrame,
  specialXids,
  sync,
} from './protocol.ts'
import {
  attemptTimeoutMs,
  beatIntervalMs,
  type Effect,
  handshakeTimeoutMs,
  type Input,
  type PendingRequest,
  roundsFailed,
  type SentRequest,
  type SessionState,
  silenceMaxMs,
  urgentPingMs,
} from './session-state.ts'

/** After every server refused in a row, the n-th round waits this long. */
const backoffMs = [0, 100, 200, 400] as const
const closeTimeoutMs = 1_000
/** The id of the machine's own requests, which nobody outside waits for. */
const ownId = -1

export function step(state: SessionState, input: Input, now: number, effects: Effect[]): void {
  switch (input.type) {
    case 'start':
      connectNext(state, now, effects)
      return
    case 'connected':
      onConnected(state, now, effects)
      return
    case 'frame':
      onFrame(state, input.frame, now, effects)
      return
    case 'disconnected':
      interrupt(state, input.reason, now, effects)
      return
    case 'request':
      onRequest(state, input.request, now, effects)
      return
    case 'wake':
      onWake(state, now, effects)
      return
    case 'close':
      onClose(state, now, effects)
      return
  }
}

function connectNext(state: SessionState, now: number, effects: Effect[]): void {
  state.endpoint = (state.endpoint + 1) % state.endpoints.length
  state.phase = 'connecting'
  state.phaseUntilMs = now + attemptTimeoutMs(state)
  effects.push({ type: 'connect', endpoint: state.endpoints[state.endpoint]! })
}

function onConnected(state: SessionState, now: number, effects: Effect[]): void {
  if (state.phase !== 'connecting') return
  state.phase = 'handshaking'
  state.phaseUntilMs = now + handshakeTimeoutMs(state)
  state.beatSentMs = now
  const { lastZxid, sessionId, password } = state
  const timeoutMs = state.requestedTtlMs
  effects.push({ type: 'send', frame: encodeConnect({ lastZxid, timeoutMs, sessionId, password }) })
}

function onFrame(state: SessionState, frame: Buffer, now: number, effects: Effect[]): void {
  if (state.phase === 'idle' || state.phase === 'waiting' || state.phase === 'ended') return
  try {
    if (state.phase === 'handshaking') onHandshake(state, frame, now, effects)
    else onReply(state, frame, now, effects)
  } catch (error) {
    if (!(error instanceof JuteError)) throw error
    interrupt(state, error.message, now, effects)
  }
}

function onHandshake(state: SessionState, frame: Buffer, now: number, effects: Effect[]): void {
  const { timeoutMs, sessionId, password } = decodeConnect(frame)
  if (timeoutMs <= 0) {
    end(state, 'expired', effects)
    return
  }
  const isNew = state.sessionId === 0n
  state.phase = 'connected'
  state.sessionId = sessionId
  state.password = password
  state.ttlMs = timeoutMs
  // The servers count from when they heard of us, which was after this request left.
  state.validSinceMs = state.beatSentMs!
  state.lastBeatMs = state.beatSentMs!
  state.beatSentMs = null
  state.pingsSentMs = []
  state.lastPingMs = now
  state.unansweredSinceMs = null
  for (const request of state.authentication)
    send(state, encodeRequest(specialXids.auth, request), now, effects)
  effects.push({ type: 'established', sessionId, ttlMs: timeoutMs, isNew })
  for (const request of state.waiting.splice(0)) sendRequest(state, request, now, effects)
}

function onReply(state: SessionState, frame: Buffer, now: number, effects: Effect[]): void {
  takeReply(state, frame, effects)
  state.failures = 0
  state.unansweredSinceMs = state.sent.length > 0 || state.pingsSentMs.length > 0 ? now : null
}

function takeReply(state: SessionState, frame: Buffer, effects: Effect[]): void {
  const reader = new JuteReader(frame)
  const { xid, zxid, error } = decodeReplyHeader(reader)
  switch (xid) {
    case specialXids.notification:
      effects.push({ type: 'event', event: decodeWatchEvent(reader) })
      return
    case specialXids.ping:
      onPingReply(state)
      return
    case specialXids.auth:
      if (error !== errorCodes.none) end(state, `authentication refused: ${errorName(error)}`, effects)
      return
  }
  const request = state.sent.shift()
  if (request?.xid !== xid)
    throw new JuteError(`Cannot go on: answer ${xid} came for request ${request?.xid}`)
  if (zxid > state.lastZxid) state.lastZxid = zxid
  if (request.id === ownId) onOwnReply(state, request, error, effects)
  else if (!request.isSettled) {
    effects.push({
      type: 'settled',
      id: request.id,
      result: { type: 'reply', error, zxid, body: restOf(reader) },
    })
  }
}

function restOf(reader: JuteReader): Buffer {
  return reader.buffer.subarray(reader.position)
}

function onPingReply(state: SessionState): void {
  const sentMs = state.pingsSentMs.shift()
  if (state.beatPath === null && sentMs !== undefined) state.validSinceMs = sentMs
}

/** The answer to a beat, or to the wish to close. */
function onOwnReply(state: SessionState, request: SentRequest, error: number, effects: Effect[]): void {
  if (request.request === closeSession) {
    end(state, 'closed', effects)
    return
  }
  if (error === errorCodes.sessionExpired) {
    end(state, 'expired', effects)
    return
  }
  // Any other answer shows as well that the leader knows the session.
  if (state.beatSentMs !== null && error !== errorCodes.sessionMoved) state.validSinceMs = state.beatSentMs
  state.beatSentMs = null
}

function onRequest(state: SessionState, request: PendingRequest, now: number, effects: Effect[]): void {
  if (state.phase === 'ended' || state.phase === 'closing') {
    const reason = state.phase === 'ended' ? state.endReason : 'closed'
    settleUnsent(request, `the session is over (${reason})`, effects)
    return
  }
  if (request.deadlineMs <= now) {
    settleUnsent(request, 'its time was over before it was sent', effects)
    return
  }
  if (state.phase === 'connected') {
    sendRequest(state, request, now, effects)
    return
  }
  if (request.onLoss === 'fail') {
    settleUnsent(request, 'not connected', effects)
    return
  }
  state.waiting.push(request)
}

function sendRequest(state: SessionState, request: PendingRequest, now: number, effects: Effect[]): void {
  const xid = state.nextXid
  // Positive 32-bit numbers; the negative ones have meanings of their own.
  state.nextXid = xid === 0x7fff_ffff ? 1 : xid + 1
  state.sent.push({ ...request, xid, sentMs: now, isSettled: false })
  send(state, encodeRequest(xid, request.request), now, effects)
}

function send(state: SessionState, frame: Buffer, now: number, effects: Effect[]): void {
  state.unansweredSinceMs ??= now
  effects.push({ type: 'send', frame })
}

/**
 * The connection is gone, or given up. Reads go again on the next one, what was not sent waits on, and of a write
 * that was sent nobody can say whether it happened.
 */
function interrupt(state: SessionState, reason: string, now: number, effects: Effect[]): void {
  if (state.phase === 'idle' || state.phase === 'waiting' || state.phase === 'ended') return
  if (state.phase === 'closing') {
    end(state, 'closed', effects)
    return
  }
  effects.push({ type: 'disconnect' })
  if (state.phase === 'connected') effects.push({ type: 'interrupted', reason })
  const again: PendingRequest[] = []
  for (const request of state.sent.splice(0)) {
    if (request.id === ownId || request.isSettled) continue
    if (request.onLoss === 'resend') again.push(request)
    else effects.push({ type: 'settled', id: request.id, result: { type: 'lost', reason } })
  }
  state.waiting.unshift(...again)
  state.beatSentMs = null
  state.unansweredSinceMs = null
  state.failures++
  state.lastFailure = reason
  const round = Math.min(roundsFailed(state), backoffMs.length - 1)
  const isRoundOver = state.failures % state.endpoints.length === 0
  state.phase = 'waiting'
  state.phaseUntilMs = now + (isRoundOver ? backoffMs[round]! : 0)
}

function onWake(state: SessionState, now: number, effects: Effect[]): void {
  expireRequests(state, now, effects)
  switch (state.phase) {
    case 'waiting':
      if (now >= state.phaseUntilMs) connectNext(state, now, effects)
      return
    case 'connecting':
    case 'handshaking':
    case 'closing':
      if (now >= state.phaseUntilMs) interrupt(state, `no answer while ${state.phase}`, now, effects)
      return
    case 'connected':
      onWakeConnected(state, now, effects)
      return
  }
}

function onWakeConnected(state: SessionState, now: number, effects: Effect[]): void {
  const limitMs = silenceMaxMs(state)
  if (state.unansweredSinceMs !== null && now >= state.unansweredSinceMs + limitMs) {
    interrupt(state, 'the server has said nothing for a third of the lease', now, effects)
    return
  }
  if (state.beatSentMs !== null && now >= state.beatSentMs + limitMs) {
    // A member cut off from its leader still answers pings, and cannot keep the session.
    interrupt(state, 'the server answers, but not for its leader', now, effects)
    return
  }
  if (state.beatSentMs === null && now >= state.lastBeatMs + beatIntervalMs(state)) beat(state, now, effects)
  if (now >= urgentPingDueMs(state)) ping(state, now, effects)
}

function beat(state: SessionState, now: number, effects: Effect[]): void {
  state.lastBeatMs = now
  if (state.beatPath === null) {
    ping(state, now, effects)
    return
  }
  state.beatSentMs = now
  const deadlineMs = Number.POSITIVE_INFINITY
  sendRequest(state, { id: ownId, request: sync(state.beatPath), onLoss: 'fail', deadlineMs }, now, effects)
}

function ping(state: SessionState, now: number, effects: Effect[]): void {
  state.lastPingMs = now
  state.pingsSentMs.push(now)
  send(state, pingFrame, now, effects)
}

/** Debian's ZooKeeper 3.8.0 can leave a lone client's write lying until its next packet (ZOOKEEPER-4537). */
function urgentPingDueMs(state: SessionState): number {
  const oldest = state.sent[0]
  if (!oldest) return Number.POSITIVE_INFINITY
  return Math.max(state.lastPingMs, oldest.sentMs) + urgentPingMs
}

/** Answers whoever has waited long enough. What was sent stays in line, for its answer may still come. */
function expireRequests(state: SessionState, now: number, effects: Effect[]): void {
  if (now < earliestDeadlineMs(state)) return
  for (const request of state.sent) {
    if (request.isSettled || request.deadlineMs > now) continue
    request.isSettled = true
    effects.push({ type: 'settled', id: request.id, result: { type: 'lost', reason: 'no answer in time' } })
  }
  state.waiting = state.waiting.filter(request => {
    if (request.deadlineMs > now) return true
    const why = state.lastFailure === '' ? '' : ` (${state.lastFailure})`
    settleUnsent(request, `not connected in time${why}`, effects)
    return false
  })
}

function earliestDeadlineMs(state: SessionState): number {
  let earliest = Number.POSITIVE_INFINITY
  for (const request of state.waiting) if (request.deadlineMs < earliest) earliest = request.deadlineMs
  for (const request of state.sent) {
    if (!request.isSettled && request.deadlineMs < earliest) earliest = request.deadlineMs
  }
  return earliest
}

function onClose(state: SessionState, now: number, effects: Effect[]): void {
  if (state.phase === 'ended' || state.phase === 'closing') return
  if (state.phase !== 'connected') {
    end(state, 'closed', effects)
    return
  }
  const deadlineMs = Number.POSITIVE_INFINITY
  sendRequest(state, { id: ownId, request: closeSession, onLoss: 'fail', deadlineMs }, now, effects)
  state.phase = 'closing'
  state.phaseUntilMs = now + closeTimeoutMs
}

function end(state: SessionState, reason: string, effects: Effect[]): void {
  state.phase = 'ended'
  state.endReason = reason
  state.validSinceMs = Number.NEGATIVE_INFINITY
  state.password = noPassword
  effects.push({ type: 'disconnect' })
  for (const request of state.sent.splice(0)) {
    if (request.id === ownId || request.isSettled) continue
    effects.push({ type: 'settled', id: request.id, result: { type: 'lost', reason } })
  }
  for (const request of state.waiting.splice(0))
    settleUnsent(request, `the session is over (${reason})`, effects)
  effects.push({ type: 'ended', reason })
}

function settleUnsent(request: PendingRequest, reason: string, effects: Effect[]): void {
  effects.push({ type: 'settled', id: request.id, result: { type: 'unsent', reason } })
}

/** When to call step with 'wake', unless something else happens first. */
export function wakeAtMs(state: SessionState): number {
  switch (state.phase) {
    case 'idle':
    case 'ended':
      return earliestDeadlineMs(state)
    case 'waiting':
    case 'connecting':
    case 'handshaking':
    case 'closing':
      return Math.min(state.phaseUntilMs, earliestDeadlineMs(state))
    case 'connected':
      return Math.min(
        earliestDeadlineMs(state),
        state.beatSentMs === null
          ? state.lastBeatMs + beatIntervalMs(state)
          : state.beatSentMs + silenceMaxMs(state),
        urgentPingDueMs(state),
        (state.unansweredSinceMs ?? Number.POSITIVE_INFINITY) + silenceMaxMs(state),
      )
  }
}
