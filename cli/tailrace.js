#!/usr/bin/env node
// The `tailrace` command's first file: plain JavaScript that any Node can read. It makes sure that what follows
// runs under Node 24 or later, because native modules crash older ones, and says what to do where it can't.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const nodeMajorMin = 24
const own = join(here, '../node_modules/.bin/node')
const major = Number(process.versions.node.split('.')[0])

if (major >= nodeMajorMin) {
  start()
} else if (existsSync(own) && process.env.TAILRACE_REEXECUTED !== '1') {
  reexecute()
} else {
  process.stderr.write(
    `tailrace: needs Node ${nodeMajorMin} or later, this is ${process.versions.node}.\n` +
      'In a clone run `npm start` once: it brings its own Node. Elsewhere install Node 24 from https://nodejs.org.\n',
  )
  process.exit(78)
}

async function start() {
  // Sixteen, not four: a flush in flight per partition must not starve the others.
  process.env.UV_THREADPOOL_SIZE ??= '16'
  const { compileCacheDirectory } = await import('./compile-cache.ts')
  const cache = compileCacheDirectory()
  if (cache === null) process.env.NODE_DISABLE_COMPILE_CACHE ??= '1'
  else {
    // Also for every process that is started from here.
    process.env.NODE_COMPILE_CACHE = cache
    module.enableCompileCache?.(cache)
  }
  import('./main.ts').catch(error => {
    process.stderr.write(`tailrace: ${error.stack}\n`)
    process.exit(1)
  })
}

function reexecute() {
  const child = spawn(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, TAILRACE_REEXECUTED: '1' },
  })
  // A terminal sends Ctrl-C to the whole group; a plain kill reaches only this process and is passed on.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
  child.on('error', error => {
    process.stderr.write(`tailrace: cannot run ${own}: ${error.message}. \`npm start\` installs it again.\n`)
    process.exit(78)
  })
}
