// The store a rebuild counts into: a file of its own beside the live one, made for one question. What a killed rebuild
// left is gone on with if it answers the same question and the log still holds what comes next; otherwise it goes.
import { rmSync } from 'node:fs'
import { saveKeepRules } from '../store/housekeeping.ts'
import { type KeepRules, keepAll } from '../store/retention.ts'
import { type Connection, openStore, schemaVersion } from '../store/schema.ts'
import { type LiveSource, metaOf } from './live-state.ts'

/** What is to be rebuilt, as far as the result depends on it. */
export interface RebuildQuestion {
  /** Replace nothing before this; 0 for all that the log covers. */
  readonly fromSeconds: number
  readonly timeZone: string
  /** Everything else that decides what is counted: custom statistics, goals. */
  readonly settings: string
}

interface Begun {
  readonly source: number
  readonly topicId: string | null
  readonly epoch: number
  readonly start: number
}

export interface FreshStore {
  readonly connection: Connection
  /** By source: where reading began. */
  readonly starts: ReadonlyMap<number, number>
  /** False if what an earlier rebuild has read is gone on with. */
  readonly isNew: boolean
}

const begunKey = 'rebuild-begun'
const questionKey = 'rebuild-question'

/** `earliest`: by source, the first offset that the log still holds. */
export function openFresh(
  path: string,
  live: Connection,
  sources: readonly LiveSource[],
  earliest: ReadonlyMap<number, number>,
  question: RebuildQuestion,
): FreshStore {
  const asked = JSON.stringify({ ...question, store: metaOf(live, 'store'), format: schemaVersion })
  const left = resume(path, asked, sources, earliest)
  if (left) return left
  removeFresh(path)
  const connection = openStore(path)
  const starts = new Map(sources.map(({ id }) => [id, earliest.get(id) ?? 0]))
  const begun = sources.map(({ id, topicId, epoch }): Begun => {
    return { source: id, topicId, epoch, start: starts.get(id)! }
  })
  connection
    .transaction(() => {
      saveKeepRules(connection, JSON.parse(metaOf(live, 'retention') ?? JSON.stringify(keepAll)) as KeepRules)
      const save = connection.prepare('INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)')
      const shortened = metaOf(live, 'shortened')
      if (shortened !== null) save.run('shortened', shortened)
      save.run('time_zone', question.timeZone)
      save.run(questionKey, asked)
      save.run(begunKey, JSON.stringify(begun))
      const insert = connection.prepare(
        `INSERT INTO sources(id, job, topic, "partition", topic_id, next, epoch) VALUES (?, 'live', ?, ?, ?, ?, ?)`,
      )
      for (const { id, topic, partition, topicId, epoch } of sources) {
        insert.run(id, topic, partition, topicId, starts.get(id), epoch)
      }
    })
    .immediate()
  return { connection, starts, isNew: true }
}

export function removeFresh(path: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
}

function resume(
  path: string,
  asked: string,
  sources: readonly LiveSource[],
  earliest: ReadonlyMap<number, number>,
): FreshStore | null {
  let connection: Connection
  try {
    connection = openStore(path)
  } catch {
    // Of another version, or torn: it is only a copy of what the log says.
    return null
  }
  const text = metaOf(connection, questionKey) === asked ? metaOf(connection, begunKey) : null
  const begun = text === null ? [] : (JSON.parse(text) as Begun[])
  const next = connection.prepare<[number], { next: number }>('SELECT next FROM sources WHERE id = ?')
  const isSame = begun.every(({ source, topicId, epoch }) => {
    const live = sources.find(({ id }) => id === source)
    const at = next.get(source)?.next ?? -1
    return (
      live?.topicId === topicId &&
      live.epoch === epoch &&
      at <= live.next &&
      at >= (earliest.get(source) ?? 0)
    )
  })
  if (begun.length > 0 && isSame) {
    return { connection, starts: new Map(begun.map(({ source, start }) => [source, start])), isNew: false }
  }
  connection.close()
  return null
}
