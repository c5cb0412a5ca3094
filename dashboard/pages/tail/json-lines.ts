// JSON as it stands, broken into lines and coloured, without ever becoming values: an integer of any size, a number's
// spelling, a key that stands twice and every escape are shown exactly as they were sent. Pure and bounded.

export interface JsonPiece {
  readonly kind: 'key' | 'string' | 'number' | 'word' | 'mark'
  readonly text: string
}

export interface JsonLine {
  readonly depth: number
  readonly pieces: readonly JsonPiece[]
  /** Of a line with one value: its name, parts joined by dots, and the value as text. */
  readonly path?: string
  readonly value?: string
}

const linesMax = 2_000
const depthMax = 100
/** White space, then one of: a mark, a string, a number, a word. */
const tokenPattern = new RegExp(
  [
    '[ \\t\\r\\n]*(?:([{}[\\]:,])',
    '("(?:[^"\\\\\\u0000-\\u001f]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*")',
    '(-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)',
    '(true|false|null))',
  ].join('|'),
  'y',
)

interface Open {
  readonly isArray: boolean
  readonly path: string
  count: number
}

/** Null for what is no object or array of JSON, and for what is longer than anybody reads. */
export function jsonLines(text: string): readonly JsonLine[] | null {
  return /^\s*[{[]/.test(text) ? new Reader(text).read() : null
}

class Reader {
  readonly #text: string
  readonly #lines: JsonLine[] = []
  readonly #open: Open[] = []
  #at = 0
  #peeked: JsonPiece | null = null

  constructor(text: string) {
    this.#text = text
  }

  read(): readonly JsonLine[] | null {
    try {
      this.#value([], '')
      if (this.#text.slice(this.#at).trim() !== '') return null
      return this.#lines
    } catch (error) {
      if (error instanceof NotJson) return null
      throw error
    }
  }

  #next(): JsonPiece {
    const peeked = this.#peeked
    this.#peeked = null
    if (peeked) return peeked
    tokenPattern.lastIndex = this.#at
    const match = tokenPattern.exec(this.#text)
    if (!match) throw new NotJson()
    this.#at = tokenPattern.lastIndex
    const [, mark, string, number, word] = match
    if (mark !== undefined) return { kind: 'mark', text: mark }
    if (string !== undefined) return { kind: 'string', text: string }
    return number === undefined ? { kind: 'word', text: word! } : { kind: 'number', text: number }
  }

  #isNext(mark: string): boolean {
    this.#peeked ??= this.#next()
    return this.#peeked.kind === 'mark' && this.#peeked.text === mark
  }

  #push(line: Omit<JsonLine, 'depth'>): void {
    if (this.#lines.length >= linesMax) throw new NotJson()
    this.#lines.push({ depth: this.#open.length, ...line })
  }

  /** `before` is what stands in front of it on its line. */
  #value(before: readonly JsonPiece[], path: string): void {
    const token = this.#next()
    if (token.kind !== 'mark') {
      this.#push({ pieces: [...before, token, ...this.#comma()], path, value: plain(token) })
      return
    }
    if (token.text !== '{' && token.text !== '[') throw new NotJson()
    this.#container(before, token, path)
  }

  #container(before: readonly JsonPiece[], token: JsonPiece, path: string): void {
    const isArray = token.text === '['
    const close = isArray ? ']' : '}'
    if (this.#open.length >= depthMax) throw new NotJson()
    if (this.#isNext(close)) {
      const end = this.#next()
      this.#push({ pieces: [...before, { kind: 'mark', text: token.text + end.text }, ...this.#comma()] })
      return
    }
    this.#push({ pieces: [...before, token] })
    this.#open.push({ isArray, path, count: 0 })
    for (let isMore = true; isMore; ) {
      this.#member(this.#open.at(-1)!)
      isMore = this.#hadComma
      if (!isMore && !this.#isNext(close)) throw new NotJson()
    }
    const end = this.#next()
    this.#open.pop()
    this.#push({ pieces: [end, ...this.#comma()] })
  }

  #member(inside: Open): void {
    const join = (name: string) => (inside.path === '' ? name : `${inside.path}.${name}`)
    if (inside.isArray) {
      this.#value([], join(String(inside.count++)))
      return
    }
    const key = this.#next()
    if (key.kind !== 'string' || !this.#isNext(':')) throw new NotJson()
    this.#next()
    const before: JsonPiece[] = [
      { kind: 'key', text: key.text },
      { kind: 'mark', text: ': ' },
    ]
    this.#value(before, join(plain(key)))
  }

  #hadComma = false

  #comma(): readonly JsonPiece[] {
    this.#hadComma = this.#open.length > 0 && this.#isNext(',')
    return this.#hadComma ? [this.#next()] : []
  }
}

class NotJson extends Error {
  override readonly name = 'NotJson'
}

/** A single string may be read: nothing in it can be rounded. */
function plain({ kind, text }: JsonPiece): string {
  return kind === 'string' ? (JSON.parse(text) as string) : text
}
