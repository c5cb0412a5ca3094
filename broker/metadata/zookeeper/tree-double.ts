// The tree of nodes behind server-double.ts: what a ZooKeeper keeps, and how its writes change it or are refused.
// For tests only. In memory; a multi that fails is undone step by step.
import { type JuteReader, JuteWriter } from './jute.ts'
import { errorCodes, operationCodes as op } from './protocol.ts'

export class NodeError extends Error {
  readonly code: number

  constructor(code: number) {
    super(`error ${code}`)
    this.code = code
  }
}

export interface TreeNode {
  data: Buffer
  version: number
  readonly czxid: bigint
  mzxid: bigint
  readonly owner: bigint
  readonly children: Set<string>
}

const events = { created: 1, deleted: 2, changed: 3 } as const

export class TreeDouble {
  zxid = 0x1_0000_0000n
  /** What watchers have not been told yet. */
  readonly events: { readonly type: number; readonly path: string }[] = []
  readonly #nodes = new Map<string, TreeNode>()
  #undo: (() => void)[] = []

  constructor() {
    this.#nodes.set('', { ...newNode(Buffer.alloc(0), 0n, 0n) })
  }

  /** One change of the store: all its steps have one zxid. */
  change(steps: () => void): void {
    this.zxid++
    this.#undo = []
    steps()
  }

  node(path: string): TreeNode {
    const node = this.#nodes.get(path === '/' ? '' : path)
    if (!node) throw new NodeError(errorCodes.noNode)
    return node
  }

  stat({ data, version, czxid, mzxid, owner, children }: TreeNode): Buffer {
    const writer = new JuteWriter(68).long(czxid).long(mzxid).long(0n).long(0n).int(version).int(0).int(0)
    return writer.long(owner).int(data.length).int(children.size).long(mzxid).finish()
  }

  carryOut(type: number, reader: JuteReader, sessionId: bigint, writer: JuteWriter): void {
    const path = reader.string()
    switch (type) {
      case op.create: {
        const data = Buffer.from(reader.bytes())
        for (let acls = reader.int(); acls > 0; acls--) {
          reader.int()
          reader.string()
          reader.string()
        }
        this.#create(path, data, reader.int() === 1 ? sessionId : 0n)
        writer.string(path)
        return
      }
      case op.delete:
        this.#checkVersion(path, reader.int())
        this.#delete(path)
        return
      case op.setData: {
        const data = Buffer.from(reader.bytes())
        const node = this.#checkVersion(path, reader.int())
        this.#setData(path, node, data)
        writer.raw(this.stat(node))
        return
      }
      case op.check:
        this.#checkVersion(path, reader.int())
        return
    }
  }

  /** The answer has a result for each step: its own, or when one failed 0 before, its error, and -2 behind it. */
  multi(reader: JuteReader, sessionId: bigint, writer: JuteWriter): void {
    const results: JuteWriter[] = []
    let failed = -1
    let error = 0
    const told = this.events.length
    this.change(() => {
      for (let type = reader.int(); !reader.bool(); type = reader.int()) {
        reader.int()
        const result = new JuteWriter().int(type).bool(false).int(0)
        results.push(result)
        try {
          if (failed < 0) this.carryOut(type, reader, sessionId, result)
          else this.#skip(type, reader)
        } catch (cause) {
          if (!(cause instanceof NodeError)) throw cause
          failed = results.length - 1
          error = cause.code
        }
      }
    })
    if (failed >= 0) {
      for (const undo of this.#undo.reverse()) undo()
      this.events.length = told
    }
    for (const [index, result] of results.entries()) {
      const code = index < failed ? 0 : index === failed ? error : errorCodes.runtimeInconsistency
      if (failed < 0) writer.raw(result.finish())
      else writer.int(op.error).bool(false).int(code).int(code)
    }
    writer.int(-1).bool(true).int(-1)
  }

  removeEphemeralsOf(sessionId: bigint): void {
    for (const [path, { owner }] of [...this.#nodes]) if (owner === sessionId) this.#delete(path)
  }

  /** Reads what carryOut would have read. */
  #skip(type: number, reader: JuteReader): void {
    const { position } = reader
    reader.string()
    if (type === op.create || type === op.setData) reader.bytes()
    if (type !== op.create) {
      reader.int()
      return
    }
    for (let acls = reader.int(); acls > 0; acls--) {
      reader.int()
      reader.string()
      reader.string()
    }
    reader.int()
    if (reader.position <= position) throw new Error('a step of nothing')
  }

  #checkVersion(path: string, version: number): TreeNode {
    const node = this.node(path)
    if (version !== -1 && version !== node.version) throw new NodeError(errorCodes.badVersion)
    return node
  }

  #create(path: string, data: Buffer, owner: bigint): void {
    const parent = this.node(parentOf(path))
    if (this.#nodes.has(path)) throw new NodeError(errorCodes.nodeExists)
    if (parent.owner !== 0n) throw new NodeError(errorCodes.noChildrenForEphemerals)
    this.#nodes.set(path, newNode(data, this.zxid, owner))
    parent.children.add(nameOf(path))
    this.#undo.push(() => {
      this.#nodes.delete(path)
      parent.children.delete(nameOf(path))
    })
    this.events.push({ type: events.created, path })
  }

  #delete(path: string): void {
    const node = this.node(path)
    const parent = this.node(parentOf(path))
    if (node.children.size > 0) throw new NodeError(errorCodes.notEmpty)
    this.#nodes.delete(path)
    parent.children.delete(nameOf(path))
    this.#undo.push(() => {
      this.#nodes.set(path, node)
      parent.children.add(nameOf(path))
    })
    this.events.push({ type: events.deleted, path })
  }

  #setData(path: string, node: TreeNode, data: Buffer): void {
    const before = { ...node }
    this.#undo.push(() => Object.assign(node, before))
    node.data = data
    node.version++
    node.mzxid = this.zxid
    this.events.push({ type: events.changed, path })
  }
}

function newNode(data: Buffer, zxid: bigint, owner: bigint): TreeNode {
  return { data, version: 0, czxid: zxid, mzxid: zxid, owner, children: new Set() }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
