// The metrics of the brokers on this machine, which write them to a file each: joined into one Prometheus text with a
// broker label. A file that is not written any more is left out, since its numbers are not of now. Reads files.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Brokers write every 5 s. */
const freshMs = 30_000
const memoryLine = /^tailrace_broker_resident_bytes (\d+)/m

/** Texts by broker id, of `<directory>/broker-N/metrics.prom`. */
export function brokerMetricsTexts(directory: string, nowMs: number): Map<number, string> {
  const texts = new Map<number, string>()
  for (const id of brokersIn(directory)) {
    const path = join(directory, `broker-${id}`, 'metrics.prom')
    try {
      if (nowMs - statSync(path).mtimeMs < freshMs) texts.set(id, readFileSync(path, 'utf8'))
    } catch {
      // Not written yet, or a data directory of another kind.
    }
  }
  return texts
}

function brokersIn(directory: string): number[] {
  try {
    return readdirSync(directory)
      .flatMap(name => /^broker-(\d+)$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((one, other) => one - other)
  } catch {
    return []
  }
}

/** Null when the text does not say. */
export function memoryBytesOf(text: string | undefined): number | null {
  const found = text === undefined ? null : memoryLine.exec(text)
  return found ? Number(found[1]) : null
}

/** One text in which every family stands once, as the format asks for, with the samples of all brokers. */
export function joinMetrics(texts: ReadonlyMap<number, string>): string {
  const families = new Map<string, { head: string[]; samples: string[] }>()
  for (const [id, text] of texts) {
    let family = { head: [] as string[], samples: [] as string[] }
    for (const line of text.split('\n')) {
      const named = /^# (?:HELP|TYPE) (\S+)/.exec(line)
      if (named) {
        const known = families.get(named[1]!)
        const isFirst = known === undefined || known.samples.length === 0
        family = known ?? { head: [], samples: [] }
        families.set(named[1]!, family)
        if (isFirst) family.head.push(line)
      } else if (line !== '') family.samples.push(withBroker(line, id))
    }
  }
  return [...families.values()]
    .flatMap(({ head, samples }) => [...head, ...samples])
    .map(line => `${line}\n`)
    .join('')
}

function withBroker(sample: string, id: number): string {
  const [, name, labels, rest] = /^([^\s{]+)(?:\{(.*)\})?(\s.*)$/.exec(sample) ?? []
  if (name === undefined) return sample
  return `${name}{broker="${id}"${labels ? `,${labels}` : ''}}${rest}`
}
