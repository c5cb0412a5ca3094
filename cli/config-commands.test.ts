// What `tailrace config` prints and how it ends; and that the page of all settings is what the schema says.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { settingRows, settingsJsonSchema, withSettings } from './config-table.ts'
import { runCommand } from './run-command.ts'
import { settingFlags } from './setting-flags.ts'
import { settingsSchema } from './settings.ts'

const docs = new URL('../docs/', import.meta.url)
const scratch = () => mkdtempDisposable(join(tmpdir(), 'config-'))

test('docs/configuration.md and the JSON schema are what the schema of settings says', () => {
  const page = readFileSync(new URL('configuration.md', docs), 'utf8')
  assert.equal(page, withSettings(page), 'run: node scripts/config-page.ts')
  const kept = JSON.parse(readFileSync(new URL('tailrace.schema.json', docs), 'utf8'))
  assert.deepEqual(kept, JSON.parse(JSON.stringify(settingsJsonSchema())), 'run: node scripts/config-page.ts')
})

test('every setting has a variable, a description, and every flag of one a setting', () => {
  const rows = settingRows().filter(({ variable }) => variable !== null)
  assert.deepEqual(
    rows.map(({ name }) => name),
    Object.keys(settingsSchema.shape),
  )
  assert.deepEqual(
    rows.filter(({ description }) => description === ''),
    [],
  )
  for (const name of Object.keys(settingFlags)) assert(name in settingsSchema.shape, name)
})

test('tailrace config show --origin names flag, variable, line and default', async () => {
  await using directory = await scratch()
  await writeFile(join(directory.path, 'tailrace.yaml'), 'data: here\n\nhttpPort: 81\nretentionHours: 5\n')
  const flags = ['--kafka-port', '7']
  const environment = { TAILRACE_HTTP_PORT: '82' }
  const plain = await runCommand(directory.path, ['config', 'show', '--origin', ...flags], { environment })
  const rows = new Map(plain.output.split('\n').map(row => [row.split('\t')[0], row]))
  assert.equal(rows.get('kafkaPort'), 'kafkaPort\t7\t--kafka-port')
  assert.equal(rows.get('httpPort'), 'httpPort\t82\tTAILRACE_HTTP_PORT')
  assert.equal(rows.get('retentionHours'), 'retentionHours\t5\ttailrace.yaml:4')
  assert.equal(rows.get('timeZone'), 'timeZone\t"UTC"\tdefault')
  const json = await runCommand(directory.path, ['config', 'show', '--origin', '--json'], { environment })
  const shown = JSON.parse(json.output) as Record<string, unknown>
  assert.deepEqual(shown['retentionHours'], {
    value: 5,
    origin: { source: 'file', file: 'tailrace.yaml', line: 4, column: 1 },
  })
})

test('tailrace config validate points at each fault, and ends with 78', async () => {
  await using directory = await scratch()
  await writeFile(join(directory.path, 'a.yaml'), 'kafkaPort: 70000\nstatsd:\n  prot: 1\n')
  const args = ['config', 'validate', '--config', 'a.yaml', '--data', 'd']
  const ended = await runCommand(directory.path, args)
  assert.equal(ended.code, 78)
  assert.match(ended.errors, /a\.yaml:1:12: Setting "kafkaPort": a port is a whole number/)
  assert.match(ended.errors, /a\.yaml:3:3: Unknown setting "prot": did you mean "port"\?/)
  const { output, code } = await runCommand(directory.path, [...args, '--json'])
  const answer = JSON.parse(output) as { ok: boolean; errors: { line: number; column: number }[] }
  assert.deepEqual([code, answer.ok, answer.errors.length > 1], [78, false, true])
})

test('tailrace config validate warns of slips, refuses them when told, and leaves nothing behind', async () => {
  await using directory = await scratch()
  await writeFile(join(directory.path, 'tailrace.yaml'), 'inputs:\n  - paths: [none/*.log]\n')
  const environment = { TAILRACE_KAFKA_PROT: '1' }
  const warned = await runCommand(directory.path, ['config', 'validate'], { environment })
  assert.equal(warned.code, 0)
  assert.match(warned.output, /tailrace\.yaml can be used/)
  assert.match(warned.errors, /tailrace\.yaml:2:13: warning: No file matches "none/)
  assert.match(warned.errors, /TAILRACE_KAFKA_PROT sets nothing: did you mean TAILRACE_KAFKA_PORT\?/)
  const denied = await runCommand(directory.path, ['config', 'validate', '--deny-warnings'])
  assert.equal(denied.code, 78)
  const alone = ['config', 'validate', '--no-environment', '--data', 'd']
  const { errors } = await runCommand(directory.path, alone, { environment })
  assert.doesNotMatch(errors, /TAILRACE_/)
  await assert.rejects(readFile(join(directory.path, 'd/format')))
})

test('tailrace config init writes a file that can be used, once', async () => {
  await using directory = await scratch()
  assert.equal((await runCommand(directory.path, ['config', 'init'])).code, 0)
  const text = await readFile(join(directory.path, 'tailrace.yaml'), 'utf8')
  assert.deepEqual(parse(text), { inputs: [] })
  assert.match(text, /^# kafkaPort: 9092$/m)
  const again = await runCommand(directory.path, ['config', 'init'])
  assert.deepEqual([again.code, again.output], [1, ''])
  assert.match(again.errors, /is there already/)
})
