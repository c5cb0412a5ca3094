// Plants a bug in a copy of the sources and lets the simulator look for it. Writes to a temporary directory; a
// replacement that does not fit any more is an error, so that the exam cannot rot.
import { cp, mkdir, mkdtempDisposable, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { simulate as simulateLine } from '../model/exactly-once.ts'
import { without } from '../model/rules.ts'
import type { Mutant, Patch } from './mutants.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const copied = ['broker', 'runtime', 'tests/sim', 'tests/model', 'package.json']

export interface Hunt {
  readonly tried: number
  /** Of the seeds that found it. */
  readonly found: readonly Find[]
}

/** A seed that found it, and by which rule. */
export interface Find {
  readonly seed: number
  readonly violations: readonly string[]
}

const worlds = { cluster: 'tests/sim/simulation.ts', disk: 'tests/sim/disk-simulation.ts' } as const

/** Goes through seeds until `wanted` of them have found it, or all are tried. */
export async function hunt(mutant: Mutant, firstSeed: number, seeds: number, wanted = 1): Promise<Hunt> {
  const { rule, world = 'cluster' } = mutant
  if (rule) {
    const withoutRule = (seed: number) => simulateLine(seed, without(rule))
    return await search(withoutRule, firstSeed, seeds, wanted)
  }
  await using directory = await mkdtempDisposable(join(tmpdir(), `mutant-${mutant.id}-`))
  await plant(mutant, directory.path)
  const { simulate } = await import(pathToFileURL(join(directory.path, worlds[world])).href)
  return await search(simulate, firstSeed, seeds, wanted)
}

async function search(
  simulate: (seed: number) => Verdict | Promise<Verdict>,
  firstSeed: number,
  seeds: number,
  wanted: number,
): Promise<Hunt> {
  const found: Find[] = []
  let tried = 0
  while (tried < seeds && found.length < wanted) {
    const seed = firstSeed + tried++
    const { violations } = await simulate(seed)
    if (violations.length > 0) found.push({ seed, violations })
  }
  return { tried, found }
}

type Verdict = Pick<Find, 'violations'>

async function plant({ id, patches }: Mutant, directory: string): Promise<void> {
  const filter = (path: string) => !path.endsWith('.test.ts')
  for (const name of copied) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await cp(join(root, name), join(directory, name), { recursive: true, filter })
  }
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  for (const patch of patches) {
    const path = join(directory, patch.file)
    await writeFile(path, patched(id, patch, await readFile(path, 'utf8')))
  }
}

/** Throws unless every replacement is for exactly one place. */
export async function checkFit({ id, patches }: Mutant): Promise<void> {
  for (const patch of patches) patched(id, patch, await readFile(join(root, patch.file), 'utf8'))
}

function patched(id: string, { file, from, to }: Patch, text: string): string {
  const parts = text.split(from)
  if (parts.length !== 2)
    throw new Error(`${id} no longer fits ${file}: ${parts.length - 1} places for ${from}`)
  return parts.join(to)
}
