// The page without its markup: the shell around the live step machine. It alone touches the socket, timers, fetch,
// history and storage; it folds what arrives into the model at once and publishes at most once a frame.
import type {
  LiveTopic,
  LoginRequest,
  MeAnswer,
  Problem,
  ServerMessage,
  TailRow,
} from '../analytics/http/contract.ts'
import { liveStep } from './live.ts'
import { initialLive, type LiveEffect, type LiveEvent, type LiveState, nextDeadline } from './live-state.ts'
import { Model, seriesMetrics } from './model.ts'
import { tailArgs } from './pages/tail/tail-query.ts'
import {
  type Memory,
  nextTheme,
  type RangeName,
  ranges,
  readSettings,
  rememberSettings,
  type Settings,
  searchOf,
} from './settings.ts'
import { createStore, initialPage, type PageState, type Store, type Zoom } from './store.ts'
import type { OffsetRange } from './tail-buffer.ts'

const answerWithinMs = 10_000
/** The subscriptions beside one per series. Keys name panels: `data-seq` hangs on them. */
const topKey = 'top'
const tailKey = 'tail'

/** What the server is asked for only while some view shows it. The overview always is: the pill lives on it. */
export type FeedName = 'series' | 'top' | 'tail' | 'cluster' | 'losses'

export class Page {
  readonly model = new Model()
  readonly store: Store<PageState>
  /** Charts draw from the model's rings; they are called once a frame, after the store has published. */
  readonly frames = new Set<() => void>()
  readonly live: LiveState
  readonly flushes = { count: 0, lastMs: 0, worstMs: 0 }
  #socket: WebSocket | null = null
  #timer: number | undefined
  #frame: number | undefined
  /** How many components look at each feed or subscription of their own. */
  readonly #watchers = new Map<string, number>()

  constructor() {
    const narrow = window.matchMedia('(max-width: 699px)').matches
    const clockOffset = Date.now() - performance.now()
    this.live = initialLive((Math.random() * 2 ** 32) >>> 0, clockOffset)
    this.store = createStore(initialPage(readSettings(window.location.search, memory(), narrow), Date.now()))
  }

  /** Subscribes to what the view shows and connects, signing in first if the URL is a sign-in link. */
  start(token: string | null): void {
    this.live.hidden = document.hidden
    document.addEventListener('visibilitychange', () => {
      this.#dispatch({ type: 'visibility', hidden: document.hidden })
    })
    window.addEventListener('online', () => this.#dispatch({ type: 'retry' }))
    window.setInterval(() => this.#requestFrame(), 1000)
    const { settings } = this.store.get()
    this.model.setRange(ranges[settings.range])
    this.#dispatch({ type: 'subscribe', key: 'overview', topic: 'overview', args: {} })
    if (token === null) this.#dispatch({ type: 'start' })
    else void this.signIn(token)
  }

  openFeed(name: FeedName): void {
    if (this.#watch(name) > 1) return
    const { settings } = this.store.get()
    if (name === 'series') this.#subscribeSeries(settings.range)
    else if (name === 'top') this.#subscribeTop(settings.range)
    else if (name === 'tail') this.#subscribeTail(settings)
    else this.#dispatch({ type: 'subscribe', key: name, topic: name, args: {} })
  }

  closeFeed(name: FeedName): void {
    this.#unwatch(name, () => {
      const keys = name === 'series' ? seriesMetrics.map(metric => `series:${metric}`) : [name]
      for (const key of keys) this.#dispatch({ type: 'unsubscribe', key })
    })
  }

  /** `key` holds a question mark: that tells it from the page's own. */
  openSubscription(key: string, topic: LiveTopic, args: Readonly<Record<string, string>>): void {
    if (this.#watch(key) === 1) this.#dispatch({ type: 'subscribe', key, topic, args })
  }

  closeSubscription(key: string): void {
    this.#unwatch(key, () => {
      this.#dispatch({ type: 'unsubscribe', key })
      this.model.drop(key)
    })
  }

  #watch(key: string): number {
    const watchers = (this.#watchers.get(key) ?? 0) + 1
    this.#watchers.set(key, watchers)
    // Still subscribed: the last one left in this same turn, as happens between two pages.
    return this.live.subscriptions.has(key === 'series' ? `series:${seriesMetrics[0]}` : key) ? 2 : watchers
  }

  #unwatch(key: string, end: () => void): void {
    this.#watchers.set(key, (this.#watchers.get(key) ?? 1) - 1)
    queueMicrotask(() => {
      if (this.#watchers.get(key) !== 0) return
      this.#watchers.delete(key)
      end()
    })
  }

  retry(): void {
    this.#dispatch({ type: 'retry' })
  }

  serverNow(): number {
    return performance.now() + this.live.serverOffsetMs
  }

  togglePause(): void {
    if (this.model.pausedAt === null) this.model.pause(this.serverNow())
    else this.model.resume()
    this.#requestFrame()
  }

  /** Holds the tail alone, because the reader scrolled away or selects text in it. */
  holdTail(reason: string, held: boolean): void {
    if (held) this.model.tail.hold(reason)
    else this.model.tail.release(reason)
    this.#requestFrame()
  }

  /** What a gap of the tail left out has been asked for. */
  fillTailGap(id: number, rows: readonly TailRow[], left: readonly OffsetRange[]): void {
    this.model.tail.fill(id, rows, left, performance.now())
    this.#requestFrame()
  }

  zoom(zoom: Zoom | null): void {
    this.store.set({ zoom })
    this.#requestFrame()
  }

  change(change: Partial<Settings>): void {
    const before = this.store.get().settings
    const settings = { ...before, ...change }
    this.store.set({ settings })
    rememberSettings(change, memory())
    const { pathname, search, hash } = window.location
    // A page of history keeps ranges of its own in the same parameter: only a change of this one touches it.
    const own = settings.range === before.range ? search : null
    window.history.replaceState(null, '', `${pathname}${searchOf(settings, search, own)}${hash}`)
    if (settings.range !== before.range) {
      this.model.setRange(ranges[settings.range])
      this.store.set({ zoom: null })
      if (this.#watchers.has('series')) this.#subscribeSeries(settings.range)
      if (this.#watchers.has('top')) this.#subscribeTop(settings.range)
    }
    const isTailChanged = settings.topic !== before.topic || settings.filter !== before.filter
    if (isTailChanged && this.#watchers.has('tail')) this.#subscribeTail(settings)
    this.#requestFrame()
  }

  changeTheme(): void {
    const systemIsDark = window.matchMedia('(prefers-color-scheme: dark)').matches
    this.change({ theme: nextTheme(this.store.get().settings.theme, systemIsDark) })
  }

  signIn(token: string): Promise<void> {
    return this.signInAs({ token })
  }

  async signInAs(request: LoginRequest): Promise<void> {
    this.store.set({ signIn: { state: 'working' } })
    const detail = await login(request)
    const by = 'token' in request ? 'link' : 'password'
    if (detail === null) this.store.set({ signIn: { state: 'idle' } })
    else this.store.set({ signIn: { state: 'failed', by, detail } })
    if (window.location.pathname === '/login') window.history.replaceState(null, '', '/')
    // Even after a link has failed: it may be used up because this browser is signed in already.
    if (detail === null || by === 'link') this.#dispatch({ type: 'start' })
  }

  /** Here, or wherever this account is signed in. What other tabs show ends too: the server closes their sockets. */
  async signOut(everywhere: boolean): Promise<void> {
    const [method, address] = everywhere ? ['DELETE', '/api/v1/sessions'] : ['POST', '/api/v1/logout']
    const response = await fetch(address!, { method: method!, signal: AbortSignal.timeout(answerWithinMs) })
    if (!response.ok) throw new Error(`The server answered ${response.status}.`)
    // What was read belongs to whoever has just gone.
    window.location.assign('/')
  }

  #subscribeSeries(name: RangeName): void {
    const { step, points } = ranges[name]
    for (const metric of seriesMetrics) {
      const args = { metric, step, points: String(points) }
      this.#dispatch({ type: 'subscribe', key: `series:${metric}`, topic: 'series', args })
    }
  }

  #subscribeTop(name: RangeName): void {
    const args = { dimension: 'path', metric: 'requests', window: name, limit: '10' }
    this.#dispatch({ type: 'subscribe', key: topKey, topic: 'top', args })
  }

  #subscribeTail({ topic, filter }: Settings): void {
    this.model.restartTail(filter !== '')
    this.#dispatch({ type: 'subscribe', key: tailKey, topic: 'tail', args: tailArgs(topic, filter) })
  }

  #dispatch(event: LiveEvent): void {
    const effects: LiveEffect[] = []
    liveStep(this.live, event, performance.now(), effects)
    for (const effect of effects) this.#run(effect)
    this.#arm()
    this.#requestFrame()
  }

  #run(effect: LiveEffect): void {
    switch (effect.type) {
      case 'checkSession':
        void session().then(answer => this.#dispatch({ type: 'session', ...answer }))
        return
      case 'openSocket':
        this.#open()
        return
      case 'closeSocket':
        this.#leave()
        return
      case 'send':
        this.#socket?.send(JSON.stringify(effect.message))
        return
      case 'data':
        this.model.take(effect.key, effect.data, effect.snapshot, performance.now())
        return
      case 'refused':
        this.model.refuse(effect.key, effect.detail)
        return
    }
  }

  #open(): void {
    this.#leave()
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocket(`${scheme}://${window.location.host}/api/v1/live`, 'tailrace.v1')
    this.#socket = socket
    socket.onopen = () => this.#dispatch({ type: 'opened' })
    socket.onclose = event => this.#dispatch({ type: 'closed', code: event.code })
    socket.onmessage = event => {
      const message = parsed(event.data)
      if (message) this.#dispatch({ type: 'message', message })
    }
  }

  /** Closes the socket and stops listening to it: what it still says belongs to the past. */
  #leave(): void {
    const socket = this.#socket
    this.#socket = null
    if (!socket) return
    socket.onopen = null
    socket.onmessage = null
    socket.onclose = null
    socket.close()
  }

  /** One timer for whatever the step machine waits for next. */
  #arm(): void {
    window.clearTimeout(this.#timer)
    const due = nextDeadline(this.live)
    if (due === null) return
    this.#timer = window.setTimeout(
      () => this.#dispatch({ type: 'tick' }),
      Math.max(0, due - performance.now()) + 1,
    )
  }

  /** A hidden page publishes nothing: what arrives waits, folded, in the model. */
  #requestFrame(): void {
    if (this.#frame !== undefined || document.hidden) return
    this.#frame = window.requestAnimationFrame(() => {
      this.#frame = undefined
      this.#flush()
    })
  }

  #flush(): void {
    const started = performance.now()
    this.store.set(this.model.view(this.live, started))
    for (const draw of this.frames) draw()
    this.flushes.count += 1
    this.flushes.lastMs = performance.now() - started
    this.flushes.worstMs = Math.max(this.flushes.worstMs, this.flushes.lastMs)
  }
}

/** The browser's storage; even asking for it throws where it is denied. */
function memory(): Memory {
  try {
    return window.localStorage
  } catch {
    return { getItem: () => null, setItem: () => {} }
  }
}

function parsed(text: unknown): ServerMessage | null {
  try {
    return typeof text === 'string' ? (JSON.parse(text) as ServerMessage) : null
  } catch {
    return null
  }
}

/** Whether this browser is signed in. Anything but a clear answer counts as unreachable and is tried again. */
async function session(): Promise<{ answer: 'ok' | 'signedOut' | 'unreachable'; build?: string }> {
  try {
    const response = await fetch('/api/v1/me', {
      cache: 'no-store',
      signal: AbortSignal.timeout(answerWithinMs),
    })
    if (response.status === 401) return { answer: 'signedOut' }
    if (!response.ok) return { answer: 'unreachable' }
    return { answer: 'ok', build: ((await response.json()) as MeAnswer).build }
  } catch {
    return { answer: 'unreachable' }
  }
}

/** Trades a one-time token, or a name and password, for a session cookie; null, or why not. */
async function login(body: LoginRequest): Promise<string | null> {
  try {
    const response = await fetch('/api/v1/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(answerWithinMs),
    })
    if (response.ok) return null
    const problem = (await response.json().catch(() => null)) as Problem | null
    return problem?.detail || 'This link has been used already, or it is more than 15 minutes old.'
  } catch {
    return 'The server does not answer. Is Tailrace running?'
  }
}
