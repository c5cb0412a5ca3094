// C10: no order of operations explains what was seen. Writes follow each other in the log (ww), a read follows the
// write it saw (wr), an operation follows what was complete before it began (realtime): a cycle of these is a
// violation of linearizability. Outside transactions every value is a write of its own. Pure; linear.
import type { CycleName, Finding, Promises } from './finding.ts'
import { type Edge, Graph } from './graph.ts'
import type { Action, Key, Operation } from './history.ts'
import type { Facts, KeyLog } from './key-log.ts'

const kinds = { ww: 0, wr: 1, realtime: 2, process: 3 } as const

/** Beyond this a component is not looked into: the cluster is so broken that the finest name does not matter. */
const classifiedNodesMax = 10_000

/** Which edges each name needs, the simplest first. */
const names: readonly (readonly [CycleName, readonly number[]])[] = [
  ['G0', [kinds.ww]],
  ['G1c', [kinds.ww, kinds.wr]],
  ['G0-process', [kinds.ww, kinds.process]],
  ['G1c-process', [kinds.ww, kinds.wr, kinds.process]],
  ['G0-realtime', [kinds.ww, kinds.realtime]],
]

export function cycles(facts: Facts, promises: Promises): Finding[] {
  const graph = new Graph()
  const places = new Places(facts, promises, graph)
  for (const log of facts.logs.values()) addWrites(graph, places, log)
  for (const operation of facts.operations) addReads(graph, places, operation)
  addRealtime(graph, places, facts.operations)
  const components = graph.cyclicComponents()
  const edges = components.length === 0 ? [] : graph.edgesWithin(components)
  return components.map((component, index) => {
    const rule =
      component.length > classifiedNodesMax ? 'G1c-realtime' : nameOf(component, edges[index]!, places)
    const isError = !promises.transactional || (rule.startsWith('G1c') && !hasWrites(edges[index]!))
    return describe(rule, component, places, isError)
  })
}

/** Where the nodes of each operation are: one for each value sent, one for all that is read. */
class Places {
  /** Node → operation; beyond its end are points in time. */
  readonly operations: Operation[] = []
  readonly #first: Int32Array
  readonly #count: Int32Array
  readonly #values = new Map<Key, Map<number, number>>()
  readonly #transactional: boolean

  constructor({ operations, logs, mustCommit }: Facts, promises: Promises, graph: Graph) {
    this.#transactional = promises.transactional
    this.#first = new Int32Array(operations.length)
    this.#count = new Int32Array(operations.length)
    for (const operation of operations) {
      if (operation.type === 'fail') continue
      this.#first[operation.id] = graph.nodes
      for (const action of operation.actions) {
        if (action.f === 'send') this.#addSend(graph, operation, action, logs.get(action.key)!, mustCommit)
        else if (operation.type === 'ok') this.#addNode(graph, operation)
      }
      this.#count[operation.id] = graph.nodes - this.#first[operation.id]!
    }
  }

  of(operation: Operation): { readonly first: number; readonly end: number } {
    const first = this.#first[operation.id]!
    return { first, end: first + this.#count[operation.id]! }
  }

  ofValue(key: Key, value: number): number | undefined {
    return this.#values.get(key)?.get(value)
  }

  sentAt(node: number): { readonly key: Key; readonly value: number }[] {
    const sends = this.operations[node]!.actions.filter(action => action.f === 'send')
    return sends.filter(({ key, value }) => this.ofValue(key, value) === node)
  }

  #addSend(
    graph: Graph,
    operation: Operation,
    { key, value }: Extract<Action, { f: 'send' }>,
    log: KeyLog,
    mustCommit: Facts['mustCommit'],
  ): void {
    // What was written though nobody was told so has a place in the log, and no end that others could follow.
    if (!mustCommit(operation) && log.firstIndex(value) === undefined) return
    const node = this.#addNode(graph, operation)
    let ofKey = this.#values.get(key)
    if (!ofKey) this.#values.set(key, (ofKey = new Map()))
    ofKey.set(value, node)
  }

  #addNode(graph: Graph, operation: Operation): number {
    const last = graph.nodes - 1
    const isOne = this.#transactional || operation.f !== 'send'
    if (isOne && last >= this.#first[operation.id]!) return last
    this.operations.push(operation)
    return graph.addNode()
  }
}

/** Values in the order of the log. Where two clients disagree nothing is said, and of two places the first holds. */
function addWrites(graph: Graph, places: Places, log: KeyLog): void {
  let before: number | undefined
  for (let index = 0; index < log.offsets.length; index++) {
    const values = log.valuesAt(index)
    if (values.length !== 1 || log.firstIndex(values[0]!) !== index) continue
    const node = places.ofValue(log.key, values[0]!)
    if (node === undefined) continue
    if (before !== undefined) graph.addEdge(before, node, kinds.ww)
    before = node
  }
}

function addReads(graph: Graph, places: Places, operation: Operation): void {
  if (operation.type !== 'ok') return
  const reader = places.of(operation).end - 1
  for (const action of operation.actions) {
    if (action.f !== 'poll') continue
    for (const key in action.reads) {
      for (const [, value] of action.reads[key]!) {
        const writer = places.ofValue(key, value)
        if (writer !== undefined) graph.addEdge(writer, reader, kinds.wr)
      }
    }
  }
}

/**
 * One node for each completion, in a chain: what is complete leads to its point in time, and a point leads to what
 * began after it. Three edges an operation instead of one for each pair.
 */
function addRealtime(graph: Graph, places: Places, operations: readonly Operation[]): void {
  const ends = operations.filter(operation => operation.type === 'ok' && hasNodes(places, operation))
  const begins = operations.filter(operation => hasNodes(places, operation))
  ends.sort((one, other) => one.completedAt - other.completedAt)
  begins.sort((one, other) => one.invokedAt - other.invokedAt)
  let point = -1
  let ended = 0
  for (const operation of begins) {
    for (; ended < ends.length && ends[ended]!.completedAt < operation.invokedAt; ended++) {
      const next = graph.addNode()
      if (point >= 0) graph.addEdge(point, next, kinds.realtime)
      point = next
      const { first, end } = places.of(ends[ended]!)
      for (let node = first; node < end; node++) graph.addEdge(node, point, kinds.realtime)
    }
    if (point < 0) continue
    const { first, end } = places.of(operation)
    for (let node = first; node < end; node++) graph.addEdge(point, node, kinds.realtime)
  }
}

function hasNodes(places: Places, operation: Operation): boolean {
  const { first, end } = places.of(operation)
  return end > first
}

function nameOf(component: readonly number[], edges: readonly Edge[], places: Places): CycleName {
  const small = new Map(component.map((node, index) => [node, index]))
  const all = [...edges, ...processEdges(component, places)]
  for (const [name, allowed] of names) {
    const graph = new Graph()
    graph.nodes = component.length
    for (const { from, to, kind } of all) {
      if (allowed.includes(kind)) graph.addEdge(small.get(from)!, small.get(to)!)
    }
    if (graph.cyclicComponents().length > 0) return name
  }
  return 'G1c-realtime'
}

function processEdges(component: readonly number[], places: Places): Edge[] {
  const edges: Edge[] = []
  const nodes = component.filter(node => node < places.operations.length)
  nodes.sort((one, other) => places.operations[one]!.invokedAt - places.operations[other]!.invokedAt)
  const last = new Map<number, readonly number[]>()
  const current = new Map<number, number[]>()
  for (const node of nodes) {
    const operation = places.operations[node]!
    const { process } = operation
    const siblings = current.get(process)
    if (siblings && places.operations[siblings[0]!] === operation) siblings.push(node)
    else {
      if (siblings) last.set(process, siblings)
      current.set(process, [node])
    }
    for (const from of last.get(process) ?? []) edges.push({ from, to: node, kind: kinds.process })
  }
  return edges
}

function hasWrites(edges: readonly Edge[]): boolean {
  return edges.some(({ kind }) => kind === kinds.ww)
}

function describe(rule: CycleName, component: readonly number[], places: Places, isError: boolean): Finding {
  const keys = new Set<Key>()
  const values: number[] = []
  const at = new Set<number>()
  for (const node of component) {
    const operation = places.operations[node]
    if (!operation) continue
    if (Number.isFinite(operation.completedAt)) at.add(operation.completedAt)
    for (const { key, value } of places.sentAt(node)) {
      keys.add(key)
      values.push(value)
    }
  }
  return { rule, key: [...keys].join(' '), values, offsets: [], at: [...at], isError }
}
