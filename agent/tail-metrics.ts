// What the tailer is doing, as metrics: files, descriptors, what deleted files keep of the disk, what is not watched.
// Read from the tailer at each scrape; keeps nothing.
import type { Metrics } from '../runtime/metrics.ts'
import type { Tailer } from './tail.ts'
import type { Watcher } from './watch.ts'

export function observeTailing(metrics: Metrics, tailer: Tailer, watcher: () => Watcher | null): void {
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.observed(`tailrace_agent_${name}`, help, () => [[{}, read()]])
  gauge('files', 'Files that are known.', () => tailer.fileCount)
  gauge('open_files', 'Descriptors held on files.', () => tailer.openFileCount)
  gauge('behind_bytes', 'Bytes that are written and not acknowledged.', () => tailer.bytesBehind)
  gauge(
    'pinned_deleted_bytes',
    'What deleted files that are not read to their end keep of the disk.',
    () => tailer.pinnedDeletedBytes,
  )
  gauge(
    'unwatched_directories',
    'Directories of the globs that only the sweep looks at.',
    () => watcher()?.unwatched.length ?? 0,
  )
}
