// `npm run release`: the archives that people install, of this system and processor, with their checksums, a bill of
// materials and the licences inside. Refuses a tree that is not committed or a version that CHANGELOG.md does not tell.
// Writes below release/V. Archives of another processor are made on a machine that has it: native modules are compiled.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { closureOf, makeArchive, manifestOf, nodePackage, platform } from './archive.ts'
import { buildPackage } from './build.ts'
import { root, serverRooms } from './built-rooms.ts'
import { agentContents } from './pack-agent.ts'

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly integrity?: string }>>
}

/** Why this tree may not be released, or null. */
export function faultOf(status: string, changelog: string, version: string): string | null {
  if (status.trim() !== '') {
    const [first] = status.trim().split('\n')
    return `the tree has changes that are not committed, such as "${first!.trim()}". Commit first`
  }
  const headings = [...changelog.matchAll(/^## (\S+)/gm)].map(([, name]) => name)
  if (!headings.includes(version)) {
    return `CHANGELOG.md has no "## ${version}". Write what changed, or set the version that it tells of`
  }
  return null
}

/** Every archive into the directory, then SHA256SUMS over them all. Returns their names. */
export function makeRelease(version: string, directory: string, level = 9): string[] {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const built = join(directory, 'built')
  buildPackage(built)
  const dependencies = Object.keys(
    (JSON.parse(readFileSync(join(built, 'package.json'), 'utf8')) as { dependencies: object }).dependencies,
  )
  const agent = makeArchive(agentContents, directory, level)
  const server = makeArchive(
    {
      name: 'tailrace',
      rooms: serverRooms,
      packages: dependencies,
      // The agent it hands to hosts that join lies where the server looks for it.
      others: [
        [join(built, 'dashboard/dist'), 'dashboard/dist'],
        [agent, `release/${basename(agent)}`],
      ],
    },
    directory,
    level,
  )
  rename(agent, `tailrace-agent-${version}-${platform}.tar.gz`)
  rename(server, `tailrace-${version}-${platform}.tar.gz`)
  const packed = execFileSync('npm', ['pack', built, '--silent', '--pack-destination', directory], {
    encoding: 'utf8',
  })
  rmSync(built, { recursive: true })
  const bill = `tailrace-${version}-${platform}.cdx.json`
  writeFileSync(join(directory, bill), `${JSON.stringify(billOf(version, dependencies), null, 2)}\n`)
  const names = readdirSync(directory).sort()
  const sums = names.map(name => `${sha256(join(directory, name))}  ${name}\n`)
  writeFileSync(join(directory, 'SHA256SUMS'), sums.join(''))
  if (!names.includes(packed.trim())) throw new Error(`npm pack made "${packed.trim()}", which is not there`)
  return [...names, 'SHA256SUMS']
}

function rename(path: string, name: string): void {
  renameSync(path, join(path, '..', name))
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** CycloneDX 1.6: what is inside, by which licence, with the checksum that the registry gave. */
function billOf(version: string, dependencies: readonly string[]): object {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as LockFile
  const components = [...closureOf(dependencies), nodePackage()].sort().map(name => {
    const { version: installed, license } = manifestOf(name)
    const [algorithm, digest] = (lock.packages[`node_modules/${name}`]?.integrity ?? '').split('-')
    const isKnown = algorithm === 'sha512' && digest !== undefined
    return {
      type: 'library',
      name,
      version: installed,
      purl: `pkg:npm/${name.replace('@', '%40')}@${installed}`,
      ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
      ...(isKnown
        ? { hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] }
        : {}),
    }
  })
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', name: 'tailrace', version } },
    components,
  }
}

if (import.meta.main) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const status = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' })
  const fault = faultOf(status, readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version)
  if (fault !== null) {
    console.error(`release: ${fault}.`)
    process.exit(1)
  }
  const directory = resolve(root, 'release', version)
  for (const name of makeRelease(version, directory)) {
    console.log(`${String(statSync(join(directory, name)).size).padStart(12)}  ${name}`)
  }
  const other = process.arch === 'x64' ? 'arm64' : 'x64'
  console.log(`${directory}: of ${platform} only. Run this on a ${other} machine for linux-${other}.`)
}
