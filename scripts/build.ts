// `npm run build`: writes `dist/`, the package as it is installed elsewhere: plain JavaScript, the built page, types of
// the two public modules, and a manifest with nothing in it but what runs. `npm pack ./dist` makes the archive.
import { execFileSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildRoom, root, serverRooms } from './built-rooms.ts'

/** What `import … from 'tailrace/…'` names. */
export const publicModules = {
  './client': 'broker/client/log-client',
  './api': 'analytics/http/api-client',
} as const

interface Manifest {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly dependencies: Readonly<Record<string, string>>
}

/** Builds everything into the directory, which is emptied first. */
export function buildPackage(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  for (const room of serverRooms) buildRoom(room, directory)
  const bin = join(root, 'node_modules/.bin')
  const page = ['build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', join(directory, 'dashboard/dist')]
  execFileSync(join(bin, 'vite'), [...page, join(root, 'dashboard')], { stdio: 'inherit' })
  buildTypes(directory, join(bin, 'tsc'))
  for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md']) {
    copyFileSync(join(root, name), join(directory, name))
  }
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifestFor(directory), null, 2)}\n`)
}

/** Declarations beside the public modules and all that they name. */
function buildTypes(directory: string, tsc: string): void {
  const config = join(directory, 'tsconfig.types.json')
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        rootDir: root,
        outDir: directory,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: [],
      files: Object.values(publicModules).map(path => join(root, `${path}.ts`)),
    }),
  )
  execFileSync(tsc, ['-p', config], { stdio: 'inherit', cwd: root })
  rmSync(config)
  for (const name of globSync('**/*.d.ts', { cwd: directory })) {
    const path = join(directory, name)
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/'([\w./-]+)\.ts'/g, "'$1.js'"))
  }
}

function manifestFor(directory: string): object {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  const { name, version, description, license } = own
  const named = packagesNamedIn(directory)
  const dependencies = Object.fromEntries(Object.entries(own.dependencies).filter(([key]) => named.has(key)))
  const exports = Object.entries(publicModules).map(
    ([key, path]) => [key, { types: `./${path}.d.ts`, default: `./${path}.js` }] as const,
  )
  return {
    ...{ name, version, description, license, type: 'module' },
    engines: { node: '>=24' },
    bin: { tailrace: 'cli/tailrace.js' },
    exports: { ...Object.fromEntries(exports), './package.json': './package.json' },
    dependencies,
  }
}

/** Every package that the built code imports, requires, or needs beside another one. */
function packagesNamedIn(directory: string): Set<string> {
  const named = new Set<string>(['reflect-metadata'])
  for (const name of globSync('{agent,analytics,broker,cli,fixtures,runtime}/**/*.js', { cwd: directory })) {
    const text = readFileSync(join(directory, name), 'utf8')
    for (const [, from] of text.matchAll(/(?:from\s+|import\s*\(?\s*|require\()'([^'.][^']*)'/g)) {
      named.add(from!.startsWith('@') ? from!.split('/').slice(0, 2).join('/') : from!.split('/')[0]!)
    }
  }
  return named
}

if (import.meta.main) {
  // Strict: an option that it does not know is no directory to build in.
  const { positionals } = parseArgs({ allowPositionals: true })
  const [place = './dist'] = positionals
  const directory = resolve(root, place)
  buildPackage(directory)
  console.log(`${directory}\nnpm pack ${place} makes the archive of it`)
}
