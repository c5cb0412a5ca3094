// Which files there are to tail: walks the base directories of the configured globs. Reads directories only, and
// never descends into a directory that a pattern cannot reach. A directory that cannot be read is reported once.
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentInput } from './config.ts'
import { compileExcludes, compileGlobs, type Glob } from './globs.ts'
import { looksRotated, originalsOf } from './siblings.ts'

/** Compressed copies hold what was read before they were compressed. */
const defaultExcludes: readonly string[] = ['*.gz', '*.zst', '*.bz2', '*.xz']
/** Under `**`: no log lies deeper, and a loop of mounts ends. */
const depthMax = 32

export interface FoundPath {
  readonly path: string
  /** Index of the input whose glob matched; the first one wins. */
  readonly input: number
}

/** A file that no glob names, under a name that rotation could have given to one that a glob names. */
export interface RotatedPath {
  readonly path: string
  readonly original: string
  readonly input: number
}

interface Walk {
  readonly base: string
  depth: number
  readonly matchers: { readonly glob: Glob; readonly input: number }[]
}

interface Listing {
  readonly mtimeNs: bigint
  readonly entries: Dirent[]
  readonly settled: boolean
}

const settledMs = 2_000
const fullScanEvery = 30

export class Discovery {
  readonly #walks = new Map<string, Walk>()
  readonly #excluded: readonly ((path: string) => boolean)[]
  readonly #unreadable = new Map<string, string>()
  /** A directory whose modification time is the same has the same names in it: no need to list it again. */
  readonly #listings = new Map<string, Listing>()
  /** By input: the directories that its paths may lead into. */
  readonly #allowed: readonly ReadonlySet<string>[]
  /** What those really are, as found by the last scan. */
  #roots: readonly (readonly string[])[] = []
  #scans = 0
  #found: readonly FoundPath[] = []
  #rotated: string[] = []
  /** What the last walk went through; null when another walk may find something else though all of it is the same. */
  #walked: Map<string, bigint> | null = null

  constructor(inputs: readonly AgentInput[]) {
    this.#allowed = inputs.map(input => {
      const bases = input.paths.flatMap(compileGlobs).map(({ base }) => base)
      return new Set([...bases, ...(input.followInto ?? [])])
    })
    this.#resolveRoots()
    this.#excluded = inputs.map(input => compileExcludes([...defaultExcludes, ...(input.exclude ?? [])]))
    inputs.forEach((input, index) => {
      for (const glob of input.paths.flatMap(compileGlobs)) this.#addGlob(glob, index)
    })
  }

  #addGlob(glob: Glob, input: number): void {
    const walk = this.#walks.get(glob.base) ?? { base: glob.base, depth: 0, matchers: [] }
    walk.depth = Math.min(depthMax, Math.max(walk.depth, glob.depth))
    walk.matchers.push({ glob, input })
    this.#walks.set(glob.base, walk)
  }

  /** Directories to watch, with how far below them a file may appear. */
  get bases(): readonly { readonly base: string; readonly depth: number }[] {
    return [...this.#walks.values()].map(({ base, depth }) => ({ base, depth }))
  }

  /** Directories that could not be read at the last scan, with the reason. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.#unreadable
  }

  /** Of the last walk. */
  get rotated(): RotatedPath[] {
    return this.#rotated.flatMap(path => {
      if (this.inputOf(path) >= 0) return []
      const original = originalsOf(path).find(one => this.inputOf(one) >= 0)
      const input = original === undefined ? -1 : this.inputOf(original)
      return input < 0 || this.#excluded[input]!(path) ? [] : [{ path, original: original!, input }]
    })
  }

  /** The input that tails this path, or -1. */
  inputOf(path: string): number {
    let found = -1
    for (const walk of this.#walks.values()) {
      for (const { glob, input } of walk.matchers) {
        if ((found < 0 || input < found) && glob.matches(path) && !this.#excluded[input]!(path)) found = input
      }
    }
    return found
  }

  /** Left out by every input. */
  isExcluded(path: string): boolean {
    return this.#excluded.every(excluded => excluded(path))
  }

  /** May a path of this input lead to a file that lies there? Symbolic links may, but not out of its directories. */
  admits(input: number, realPath: string): boolean {
    const roots = this.#roots[input] ?? []
    return roots.some(root => realPath.startsWith(root))
  }

  #resolveRoots(): void {
    this.#roots = this.#allowed.map(directories => [...directories].map(resolved))
  }

  /** The same array as the last time when nothing has changed: then nothing has to be compared. */
  scan(): readonly FoundPath[] {
    this.#resolveRoots()
    // File systems whose times cannot be trusted are listed in full now and then.
    if (++this.#scans % fullScanEvery === 0) this.#listings.clear()
    else if (this.#isAsWalked()) return this.#found
    this.#unreadable.clear()
    this.#walked = new Map()
    this.#rotated = []
    const found = new Map<string, number>()
    for (const walk of this.#walks.values()) this.#visit(walk, walk.base, walk.depth, found)
    this.#found = [...found].map(([path, input]) => ({ path, input }))
    return this.#found
  }

  #isAsWalked(): boolean {
    if (this.#walked === null) return false
    for (const [directory, mtimeNs] of this.#walked) {
      const stat = statSync(directory, { bigint: true, throwIfNoEntry: false })
      if (stat?.mtimeNs !== mtimeNs) return false
    }
    return true
  }

  #visit(walk: Walk, directory: string, depth: number, found: Map<string, number>): void {
    for (const entry of this.#read(directory)) {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) {
        if (depth > 0 && !entry.name.startsWith('.')) this.#visit(walk, path, depth - 1, found)
      } else if (entry.isFile() || entry.isSymbolicLink()) {
        this.#match(walk, path, found)
        if (entry.isFile() && !found.has(path) && looksRotated(entry.name)) this.#rotated.push(path)
        // A symbolic link to a directory is followed where its depth is bounded by the pattern.
        const mayDescend = entry.isSymbolicLink() && depth > 0 && walk.depth < depthMax
        // Where it leads may change without any directory's doing so.
        if (mayDescend) this.#walked = null
        if (mayDescend && isDirectory(path) && this.#mayWalk(walk, path)) {
          this.#visit(walk, path, depth - 1, found)
        }
      }
    }
  }

  /** Nobody who can make a link makes us list what lies elsewhere. */
  #mayWalk(walk: Walk, link: string): boolean {
    const real = resolved(link)
    return walk.matchers.some(({ input }) => this.admits(input, real))
  }

  #match(walk: Walk, path: string, found: Map<string, number>): void {
    for (const { glob, input } of walk.matchers) {
      if ((found.get(path) ?? input + 1) <= input) continue
      if (glob.matches(path) && !this.#excluded[input]!(path)) found.set(path, input)
    }
  }

  #read(directory: string): Dirent[] {
    const known = this.#listings.get(directory)
    try {
      const { mtimeNs } = statSync(directory, { bigint: true })
      if (known?.mtimeNs === mtimeNs && known.settled) {
        this.#walked?.set(directory, mtimeNs)
        return known.entries
      }
      const entries = readdirSync(directory, { withFileTypes: true })
      // A time that is still young may be given to a later change too: then the next scan lists again.
      const settled = Date.now() - Number(mtimeNs / 1_000_000n) > settledMs
      this.#listings.set(directory, { mtimeNs, entries, settled })
      if (settled) this.#walked?.set(directory, mtimeNs)
      else this.#walked = null
      return entries
    } catch (error) {
      this.#listings.delete(directory)
      this.#walked = null
      const { code, message } = error as NodeJS.ErrnoException
      // It may appear later: a base that is not there yet is no error.
      if (code !== 'ENOENT' && code !== 'ENOTDIR') this.#unreadable.set(directory, message)
      return []
    }
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Without symbolic links, with a slash at its end; as it is while it is not there. */
function resolved(directory: string): string {
  try {
    return `${realpathSync(directory)}/`.replace('//', '/')
  } catch {
    return `${directory}/`.replace('//', '/')
  }
}
