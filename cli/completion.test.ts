// Completion as a shell does it, and examples as somebody types them: both come from the command tree, and so must
// fit it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { examples } from './examples.ts'
import { runCommand } from './run-command.ts'

let script = ''
before(async () => {
  const { output, code } = await runCommand('.', ['completion', 'bash'])
  assert.equal(code, 0)
  script = output
})

/** What a bash would offer after these words. */
function offered(...words: string[]): string[] {
  const asked = `COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _tailrace`
  const { stdout, stderr, status } = spawnSync(
    'bash',
    ['-c', `${script}\n${asked}; printf '%s\\n' "\${COMPREPLY[@]}"`],
    {
      encoding: 'utf8',
    },
  )
  assert.equal(status, 0, stderr)
  return stdout.trim().split('\n').filter(Boolean)
}

test('bash completes commands, subcommands and flags', () => {
  assert.deepEqual(offered('tailrace', 'stat'), ['status'])
  assert.deepEqual(offered('tailrace', 'topics', 'desc'), ['describe'])
  assert.deepEqual(offered('tailrace', 'cluster', 'health', '--exit'), ['--exit-when-healthy'])
  assert.deepEqual(offered('tailrace', '--data', 'x', 'config', 'val'), ['validate'])
  assert(offered('tailrace', 'consume', '--').includes('--until-end'))
  assert.deepEqual(offered('tailrace', 'report', '--period', ''), ['day', 'week'])
  assert.deepEqual(offered('tailrace', 'tok'), ['tokens'])
  assert.deepEqual(offered('tailrace', 'tokens', 'cr'), ['create'])
  assert.deepEqual(offered('tailrace', 'accounts', 'ro'), ['role'])
  assert.deepEqual(offered('tailrace', 'accounts', 'add', 'ada', '--role', ''), ['viewer', 'admin'])
})

test('bash offers files where nothing of the command fits', () => {
  assert.deepEqual(offered('tailrace', 'up', '--config', 'conf'), [])
  assert.match(script, /complete -o default -F _tailrace tailrace/)
})

test('zsh and fish get scripts with every command; another shell is refused with 64', async () => {
  for (const shell of ['zsh', 'fish']) {
    const { output } = await runCommand('.', ['completion', shell])
    for (const word of ['exit-when-healthy', 'restore', 'login-link'])
      assert(output.includes(word), `${shell}: ${word}`)
  }
  const refused = await runCommand('.', ['completion', 'fihs'])
  assert.deepEqual([refused.code, refused.output], [64, ''])
  assert.match(refused.errors, /did you mean fish\?/)
})

test('every example names commands and flags that there are', () => {
  for (const example of examples) {
    const words = example.replaceAll(/'[^']*'/g, 'quoted').split(' ')
    for (const [at, word] of words.entries()) {
      if (!word.startsWith('--')) continue
      const found = offered(...words.slice(0, at), word)
      assert(found.includes(word), `${example}: ${word} is no flag`)
    }
    assert(offered('tailrace', words[1]!).includes(words[1]!), `${example}: ${words[1]} is no command`)
  }
})

test('help begins with examples; a slip in a subcommand gets the nearest; -v tells more, -q less', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'command-'))
  await writeFile(join(directory.path, 'token'), 'token\n')
  const help = await runCommand(directory.path, ['cluster', 'health', '--help'])
  assert.match(help.output, /^Examples:\n {2}tailrace cluster health/)
  assert.match(help.output, /Next:\n {2}tailrace cluster status\n/)
  const slip = await runCommand(directory.path, ['topics', 'lst'])
  assert.deepEqual([slip.code, /Did you mean list\?/.test(slip.errors)], [64, true])
  const asked = ['status', '--data', '.', '--http-port', '1']
  const [plain, verbose, quiet] = await Promise.all([
    runCommand(directory.path, asked),
    runCommand(directory.path, [...asked, '-v']),
    runCommand(directory.path, [...asked, '-q', '--no-input']),
  ])
  assert.deepEqual([plain.code, verbose.code, quiet.code], [69, 69, 69])
  assert.match(verbose.errors, /\n {4}at /)
  assert.equal(quiet.errors, plain.errors)
})
