// The tables of the visits: visitors, the dictionary of pages, names and origins, what is known of each topic's keys.
// Statements only; every write goes through `run`, inside the caller's transaction.
import type { Connection } from '../store/schema.ts'
import type { Run } from '../store/series-directory.ts'

export interface KeyTrust {
  /** Notes of visitors. */
  events: number
  /** Of these: with a key under which another visitor was seen. */
  mixed: number
  /** Notes whose visitor field is one of the sample, and those of them that came under another key. */
  checked: number
  split: number
  /** Lines that name a visitor and have no key. */
  keyless: number
  /** Too late to be put into order; of visitors beyond the limit. */
  late: number
  untracked: number
}

export interface SourceState extends KeyTrust {
  readonly topic: string
  /** 0 for behaviour events, 1 for requests, -1 before the first of either. */
  kind: number
  /** Rows of visitors. */
  visitors: number
  /** The local day up to which old rows are pruned. */
  day: number | null
}

/** Written in one statement. */
const statesMax = 32

export class VisitorRows {
  readonly #run: Run
  readonly #statements
  /** Source, key, day, state, and again: of rows that keep their day, and of the others. */
  readonly #states: (number | string | Buffer)[] = []
  readonly #visitors: (number | string | Buffer)[] = []

  constructor(connection: Connection, run: Run) {
    this.#run = run
    this.#statements = prepareStatements(connection)
  }

  visitor(source: number, key: string): { readonly lastDay: number; readonly state: Buffer } | null {
    return this.#statements.visitor.get(source, key) ?? null
  }

  /** Gathered until `saveGathered`. `storedDay` is the day that its row has, null without a row. */
  saveVisitor(source: number, key: string, lastDay: number, state: Buffer, storedDay: number | null): void {
    // A row that has its day already leaves the index by day alone.
    const rows = lastDay === storedDay ? this.#states : this.#visitors
    rows.push(source, key, lastDay, state)
    if (rows.length < statesMax * 4) return
    const { saveStates, saveVisitors } = this.#statements
    this.#run(rows === this.#states ? saveStates : saveVisitors, rows.splice(0))
  }

  saveGathered(): void {
    const { saveState, saveVisitor } = this.#statements
    for (const [rows, statement] of [
      [this.#states.splice(0), saveState],
      [this.#visitors.splice(0), saveVisitor],
    ] as const) {
      for (let at = 0; at < rows.length; at += 4) this.#run(statement, ...rows.slice(at, at + 4))
    }
  }

  /** After a failure: what is gathered belongs to no commit. */
  forget(): void {
    this.#states.length = 0
    this.#visitors.length = 0
  }

  /** How many rows went. */
  deleteVisitors(source: number, beforeDay: number): number {
    return this.#run(this.#statements.deleteVisitors, source, beforeDay)
  }

  source(id: number, topic: string): SourceState {
    const row = this.#statements.source.get(id)
    if (row) return { ...row, topic }
    return {
      ...{ topic, kind: -1, day: null, visitors: 0, events: 0, mixed: 0, checked: 0, split: 0 },
      ...{ keyless: 0, late: 0, untracked: 0 },
    }
  }

  /** Whether anything was counted before. */
  hasSources(): boolean {
    return this.#statements.hasSources.get() !== undefined
  }

  saveSource(id: number, state: SourceState): void {
    const { topic, kind, day, visitors, events, mixed, checked, split, keyless, late, untracked } = state
    this.#run(
      this.#statements.saveSource,
      ...[id, topic, kind, day, visitors, events, mixed, checked, split, keyless, late, untracked],
    )
  }

  /** The sample of visitor fields of a topic, with the key each was first seen under. */
  sample(topic: string): Map<number, string> {
    return new Map(this.#statements.sample.all(topic).map(({ field, key }) => [field, key]))
  }

  /** The key that counts: another process may have been first. */
  addSample(topic: string, field: number, key: string): string {
    this.#run(this.#statements.addSample, topic, field, key)
    return this.#statements.sampled.get(topic, field)?.key ?? key
  }

  names(): number {
    return this.#statements.countNames.get()!.n
  }

  findName(kind: number, text: string): { readonly id: number; readonly lastDay: number } | null {
    return this.#statements.findName.get(kind, text) ?? null
  }

  nameOf(id: number): string | null {
    return this.#statements.nameOf.get(id)?.text ?? null
  }

  addName(kind: number, text: string, day: number): number {
    this.#run(this.#statements.addName, kind, text, day)
    return this.#statements.findName.get(kind, text)!.id
  }

  touchName(id: number, day: number): void {
    this.#run(this.#statements.useName, day, id)
  }

  deleteNames(beforeDay: number): number {
    return this.#run(this.#statements.deleteNames, beforeDay)
  }

  conditions(): ConditionRow[] {
    return this.#statements.conditions.all()
  }

  saveCondition({ bit, text, sinceMs }: ConditionRow): void {
    this.#run(this.#statements.saveCondition, bit, text, sinceMs)
  }
}

export interface ConditionRow {
  readonly bit: number
  readonly text: string
  /** Steps before this say nothing about it: it was not looked for. */
  readonly sinceMs: number
}

const stateSet = 'state = excluded.state'

function savingVisitors(rows: number, change: string): string {
  const places = new Array(rows).fill('(?, ?, ?, ?)').join(', ')
  return `INSERT INTO visitors(source, key, last_day, state) VALUES ${places}
    ON CONFLICT(source, key) DO UPDATE SET ${change}`
}

function prepareStatements(connection: Connection) {
  const sourceColumns = 'topic, kind, day, visitors, events, mixed, checked, split, keyless, late, untracked'
  return {
    visitor: connection.prepare<[number, string], { lastDay: number; state: Buffer }>(
      'SELECT last_day AS lastDay, state FROM visitors WHERE source = ? AND key = ?',
    ),
    saveVisitor: connection.prepare(savingVisitors(1, `last_day = excluded.last_day, ${stateSet}`)),
    saveVisitors: connection.prepare(savingVisitors(statesMax, `last_day = excluded.last_day, ${stateSet}`)),
    saveState: connection.prepare(savingVisitors(1, stateSet)),
    saveStates: connection.prepare(savingVisitors(statesMax, stateSet)),
    deleteVisitors: connection.prepare('DELETE FROM visitors WHERE source = ? AND last_day < ?'),
    source: connection.prepare<[number], SourceState>(
      `SELECT ${sourceColumns} FROM visit_sources WHERE source = ?`,
    ),
    hasSources: connection.prepare<[], { source: number }>('SELECT source FROM visit_sources LIMIT 1'),
    saveSource: connection.prepare(
      `INSERT OR REPLACE INTO visit_sources(source, ${sourceColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    sample: connection.prepare<[string], { field: number; key: string }>(
      'SELECT field, key FROM visit_keys WHERE topic = ?',
    ),
    sampled: connection.prepare<[string, number], { key: string }>(
      'SELECT key FROM visit_keys WHERE topic = ? AND field = ?',
    ),
    addSample: connection.prepare('INSERT OR IGNORE INTO visit_keys(topic, field, key) VALUES (?, ?, ?)'),
    countNames: connection.prepare<[], { n: number }>('SELECT count(*) AS n FROM visit_names'),
    findName: connection.prepare<[number, string], { id: number; lastDay: number }>(
      'SELECT id, last_day AS lastDay FROM visit_names WHERE kind = ? AND text = ?',
    ),
    nameOf: connection.prepare<[number], { text: string }>('SELECT text FROM visit_names WHERE id = ?'),
    addName: connection.prepare('INSERT INTO visit_names(kind, text, last_day) VALUES (?, ?, ?)'),
    useName: connection.prepare('UPDATE visit_names SET last_day = ? WHERE id = ?'),
    deleteNames: connection.prepare('DELETE FROM visit_names WHERE last_day < ?'),
    conditions: connection.prepare<[], ConditionRow>(
      'SELECT bit, text, since AS sinceMs FROM visit_conditions ORDER BY bit',
    ),
    saveCondition: connection.prepare(
      'INSERT OR REPLACE INTO visit_conditions(bit, text, since) VALUES (?, ?, ?)',
    ),
  }
}
