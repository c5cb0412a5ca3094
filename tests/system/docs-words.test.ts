// What the pages tell to type can be typed: every command and flag in README.md and docs/ is one that there is, every
// piece of tailrace.yaml is accepted as it stands. What the commands do, other tests type in. Reads files; runs the
// command to ask what it knows.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../../cli/run-command.ts'

const root = join(import.meta.dirname, '../..')
const pages = ['README.md', 'compose.yaml', ...globSync('docs/**/*.{md,yaml}', { cwd: root })].sort()
const textOf = (page: string) => readFileSync(join(root, page), 'utf8')

/** In a code span, in a block or behind a remark's sign; not in a sentence. */
const before = /(?:^ *|[`|$(&#] ?|exec |sudo |exec \S+ |-u tailrace )/
const command = /(?:tailrace|node cli\/tailrace\.js|\S*bin\/tailrace) (?!tailrace)/
const words = /((?:[a-z]|--)[^`\n|#&;)>"]*)/
const typed = new RegExp(before.source + command.source + words.source, 'gm')

/** By the path of a command, the words that may follow: of `topics`, its commands and flags. */
function knownWords(): Map<string, Set<string>> {
  const launcher = join(root, 'cli/tailrace.js')
  const script = execFileSync(process.execPath, [launcher, 'completion', 'bash'], { encoding: 'utf8' })
  const rows = [...script.matchAll(/^ +"([^"]*)"\) words="([^"]*)" ;;$/gm)]
  // The others are for what a flag may have.
  const commands = rows.filter(([, path]) => !path!.includes('--'))
  return new Map(commands.map(([, path, words]) => [path!.trim(), new Set(words!.split(' '))]))
}

/** What is wrong with the words behind `tailrace`, or null. */
function fault(line: readonly string[], known: ReadonlyMap<string, ReadonlySet<string>>): string | null {
  let path = ''
  for (const word of line) {
    const next = `${path} ${word}`.trim()
    if (!known.has(next)) {
      const follow = [...known.get(path)!].filter(one => one !== '--help')
      const isGroup = follow.length > 0 && follow.every(one => !one.startsWith('--'))
      // In capitals: whatever the reader has.
      if (isGroup && /^[a-z][a-z-]*$/.test(word)) return `no command "${next}"`
      break
    }
    path = next
  }
  const flags = line.filter(word => word.startsWith('--')).map(word => word.split('=')[0]!)
  const unknown = flags.find(flag => !known.get(path)!.has(flag) && !known.get('')!.has(flag))
  return unknown === undefined ? null : `"${path}" has no ${unknown}`
}

test('every command and flag on the pages is one that there is', () => {
  const known = knownWords()
  assert(known.size > 50)
  const faults: string[] = []
  let commands = 0
  for (const page of pages) {
    for (const [, line] of textOf(page).matchAll(typed)) {
      // What is quoted is the reader's own text.
      const split = line!
        .replaceAll(/'[^']*'/g, 'TEXT')
        .trim()
        .split(/\s+/)
      commands++
      const wrong = fault(split, known)
      if (wrong !== null) faults.push(`${page}: tailrace ${line}: ${wrong}`)
    }
  }
  assert(commands > 120, `${commands} commands are found`)
  assert.deepEqual(faults, [])
})

test('every piece of tailrace.yaml on the pages is accepted as it stands', async () => {
  await using place = await mkdtempDisposable(join(tmpdir(), 'tailrace-words-'))
  // Those of docs/agent.md are run by cli/agent-docs.test.ts.
  const blocks = pages
    .filter(page => page.endsWith('.md') && page !== 'docs/agent.md')
    .flatMap(page => [...textOf(page).matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => [page, text!]))
  assert(blocks.length >= 4)
  for (const [index, [page, text]] of blocks.entries()) {
    const file = join(place.path, `${index}.yaml`)
    writeFileSync(file, text!)
    const { code, errors, output } = await runCommand(place.path, ['config', 'validate', '--config', file])
    assert.equal(code, 0, `${page}: ${errors}${output}\n${text}`)
  }
})
