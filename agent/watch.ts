// A latency hint: a watcher on the base directories says which path something happened to. Nothing is believed of it
// but the path, and everything works without it; when it fails, the sweep alone remains.
import { existsSync } from 'node:fs'
import type { FSWatcher } from 'chokidar'
import type { Log } from '../runtime/log.ts'

/** Deeper trees are left to the sweep: a watch per directory is not free. */
const watchDepthMax = 4
/** Hints for one path within this time are one. */
const coalesceMs = 5

export interface Watcher {
  /** Directories that are not watched: gone without a hint, or the system's limits are reached. */
  readonly unwatched: readonly string[]
  close(): Promise<void>
}

export async function watchDirectories(
  bases: readonly { readonly base: string; readonly depth: number }[],
  onHint: (path: string) => void,
  log: Log,
): Promise<Watcher> {
  const { watch } = await import('chokidar')
  const hinted = new Set<string>()
  let timer: NodeJS.Timeout | null = null
  const deliver = () => {
    timer = null
    const paths = [...hinted]
    hinted.clear()
    for (const path of paths) onHint(path)
  }
  const watchers: FSWatcher[] = []
  const unwatched = new Set<string>()
  for (const { base, depth } of bases) {
    if (base === '/' || !existsSync(base)) {
      unwatched.add(base)
      continue
    }
    const watcher = watch(base, {
      depth: Math.min(depth, watchDepthMax),
      ignoreInitial: true,
      atomic: false,
      alwaysStat: false,
      persistent: false,
    })
    watcher.on('all', (_event, path) => {
      hinted.add(path)
      timer ??= setTimeout(deliver, coalesceMs)
    })
    watcher.on('error', error => {
      if (!unwatched.has(base)) {
        log.warn('the file watcher failed, sweeping alone finds what is new', { base, error: String(error) })
      }
      unwatched.add(base)
      void watcher.close()
    })
    watchers.push(watcher)
  }
  return {
    get unwatched() {
      return [...unwatched]
    },
    close: async () => {
      if (timer) clearTimeout(timer)
      await Promise.all(watchers.map(watcher => watcher.close()))
    },
  }
}
