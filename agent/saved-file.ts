// Between what the agent knows of a file and what the checkpoint says of it. Pure.
import type { SavedFile, SavedRange } from './checkpoint.ts'
import { beginRange, frontierOf, type Loss, newTrackedFile, type Range, type TrackedFile } from './tracker.ts'

/** The file's part of the checkpoint, made again only when something has changed. */
export function savedTextOf(file: TrackedFile): string {
  file.saved ??= JSON.stringify(saveFile(file))
  return file.saved
}

function saveFile(file: TrackedFile): SavedFile {
  return {
    ...(file.serial > 0 && { serial: file.serial }),
    device: `${file.device}`,
    inode: `${file.inode}`,
    path: file.path,
    foundAs: file.foundAs,
    realAs: file.realAs,
    head: file.head,
    firstLineEnd: file.firstLineEnd,
    end: file.end,
    endGuard: file.endGuard,
    size: file.size,
    gone: file.gone,
    ...(file.layout !== '' && { layout: file.layout }),
    ranges: file.ranges.map(saveRange),
  }
}

function saveRange(range: Range): SavedRange {
  return {
    src: range.src,
    routing: range.routing,
    start: range.start,
    frontier: frontierOf(range),
    frontierGuard: range.frontierGuard,
    mark: range.mark,
    markGuard: range.markGuard,
    orphan: range.orphan,
    ...cutsOf(range),
  }
}

function cutsOf(range: Range): { cuts?: readonly number[] } {
  const frontier = frontierOf(range)
  const cuts = range.cuts.filter(cut => cut > frontier && cut < range.mark)
  return cuts.length > 0 ? { cuts } : {}
}

/**
 * What a checkpoint says, before anybody has looked at the file. Every range is closed: up to its mark it may be in
 * the log already and is read again from its frontier; what is new gets a src of its own.
 */
export function restoreFile(saved: SavedFile): TrackedFile {
  const file = newTrackedFile(BigInt(saved.device), BigInt(saved.inode), saved.path)
  file.foundAs = saved.foundAs
  file.realAs = saved.realAs ?? saved.foundAs
  file.head = saved.head
  file.firstLineEnd = saved.firstLineEnd
  for (const range of saved.ranges) {
    const restored = beginRange(file, range.src, range.routing)
    file.ranges[file.ranges.length - 1] = {
      ...restored,
      start: range.start,
      read: range.frontier,
      readGuard: range.frontierGuard,
      mark: range.mark,
      markGuard: range.markGuard,
      frontier: range.frontier,
      frontierGuard: range.frontierGuard,
      open: false,
      orphan: range.orphan,
      cuts: [...(range.cuts ?? [])],
    }
  }
  file.end = saved.end
  file.endGuard = saved.endGuard
  file.size = saved.size
  file.gone = saved.gone
  file.layout = saved.layout ?? ''
  return file
}

/** Bytes that had left the file before they were acknowledged, and then the memory that held them was lost too. */
export function lossesOfOrphans(file: TrackedFile, losses: Loss[]): void {
  for (const range of file.ranges) {
    if (!range.orphan || range.read >= range.mark) continue
    losses.push({
      source: range.src,
      from: range.read,
      to: range.mark,
      reason: 'truncated-before-read',
      lines: null,
      detail: `${file.path} was truncated or replaced, and the agent ended before what it had read was acknowledged`,
    })
  }
}
