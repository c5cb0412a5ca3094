// A directed graph of numbered nodes, millions of them, and its strongly connected components: Tarjan's algorithm
// with a stack of its own, on typed arrays. Pure.

export interface Edge {
  readonly from: number
  readonly to: number
  readonly kind: number
}

export class Graph {
  nodes = 0
  #from = new Int32Array(1 << 16)
  #to = new Int32Array(1 << 16)
  #kind = new Uint8Array(1 << 16)
  #edges = 0

  addNode(): number {
    return this.nodes++
  }

  /** The kind is the caller's: the graph only gives it back. */
  addEdge(from: number, to: number, kind = 0): void {
    if (from === to) return
    if (this.#edges === this.#from.length) this.#grow()
    this.#from[this.#edges] = from
    this.#to[this.#edges] = to
    this.#kind[this.#edges++] = kind
  }

  /** Those of more than one node. */
  cyclicComponents(): number[][] {
    const { starts, targets } = this.#adjacency()
    const components: number[][] = []
    const order = new Int32Array(this.nodes).fill(-1)
    const low = new Int32Array(this.nodes)
    const next = new Int32Array(this.nodes)
    const onStack = new Uint8Array(this.nodes)
    const stack = new Int32Array(this.nodes)
    const path = new Int32Array(this.nodes)
    let stackSize = 0
    let counter = 0
    for (let root = 0; root < this.nodes; root++) {
      if (order[root] !== -1) continue
      let depth = 0
      path[0] = root
      order[root] = low[root] = counter++
      next[root] = starts[root]!
      stack[stackSize++] = root
      onStack[root] = 1
      while (depth >= 0) {
        const node = path[depth]!
        if (next[node]! < starts[node + 1]!) {
          const target = targets[next[node]!++]!
          if (order[target] === -1) {
            order[target] = low[target] = counter++
            next[target] = starts[target]!
            stack[stackSize++] = target
            onStack[target] = 1
            path[++depth] = target
          } else if (onStack[target] === 1) low[node] = Math.min(low[node]!, order[target]!)
          continue
        }
        depth--
        if (depth >= 0) low[path[depth]!] = Math.min(low[path[depth]!]!, low[node]!)
        if (low[node] !== order[node]) continue
        const end = stackSize
        do onStack[stack[--stackSize]!] = 0
        while (stack[stackSize] !== node)
        if (end - stackSize > 1) components.push([...stack.subarray(stackSize, end)])
      }
    }
    return components
  }

  /** For each of these disjoint sets of nodes, the edges within it. */
  edgesWithin(components: readonly (readonly number[])[]): Edge[][] {
    const componentOf = new Int32Array(this.nodes).fill(-1)
    components.forEach((nodes, component) => {
      for (const node of nodes) componentOf[node] = component
    })
    const edges: Edge[][] = components.map(() => [])
    for (let edge = 0; edge < this.#edges; edge++) {
      const [from, to] = [this.#from[edge]!, this.#to[edge]!]
      const component = componentOf[from]!
      if (component < 0 || component !== componentOf[to]) continue
      edges[component]!.push({ from, to, kind: this.#kind[edge]! })
    }
    return edges
  }

  #grow(): void {
    const edgesMax = this.#edges * 2
    const [from, to, kind] = [this.#from, this.#to, this.#kind]
    this.#from = new Int32Array(edgesMax)
    this.#to = new Int32Array(edgesMax)
    this.#kind = new Uint8Array(edgesMax)
    this.#from.set(from)
    this.#to.set(to)
    this.#kind.set(kind)
  }

  /** Targets of node n are `targets[starts[n]]` to `targets[starts[n + 1] - 1]`. */
  #adjacency(): { starts: Int32Array; targets: Int32Array } {
    const starts = new Int32Array(this.nodes + 1)
    for (let edge = 0; edge < this.#edges; edge++) starts[this.#from[edge]! + 1]!++
    for (let node = 0; node < this.nodes; node++) starts[node + 1]! += starts[node]!
    const filled = starts.slice()
    const targets = new Int32Array(this.#edges)
    for (let edge = 0; edge < this.#edges; edge++) targets[filled[this.#from[edge]!]!++] = this.#to[edge]!
    return { starts, targets }
  }
}
