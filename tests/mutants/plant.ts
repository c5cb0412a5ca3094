// Plants a bug in a copy of the sources and lets the simulator look for it. Writes to a temporary directory; a
// replacement that does not fit any more is an error, so that the exam cannot rot.
import { cp, mkdir, mkdtempDisposable, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Outcome } from '../sim/simulation.ts'
import type { Mutant, Patch } from './mutants.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const copied = ['broker', 'runtime', 'tests/sim', 'tests/model', 'package.json']

export interface Hunt {
  readonly tried: number
  /** Of the seeds that found it. */
  readonly found: readonly Outcome[]
}

/** Goes through seeds until `wanted` of them have found it, or all are tried. */
export async function hunt(mutant: Mutant, firstSeed: number, seeds: number, wanted = 1): Promise<Hunt> {
  await using directory = await mkdtempDisposable(join(tmpdir(), `mutant-${mutant.id}-`))
  await plant(mutant, directory.path)
  const simulation = pathToFileURL(join(directory.path, 'tests/sim/simulation.ts')).href
  const { simulate } = (await import(simulation)) as typeof import('../sim/simulation.ts')
  const found: Outcome[] = []
  let tried = 0
  while (tried < seeds && found.length < wanted) {
    const outcome = await simulate(firstSeed + tried++)
    if (outcome.violations.length > 0) found.push(outcome)
  }
  return { tried, found }
}

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
