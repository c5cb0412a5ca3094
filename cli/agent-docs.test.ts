// docs/agent.md by its examples: each configuration is accepted, and where lines stand under it, they become the
// records that are shown. What the page lists is what there is.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodings } from '../agent/encodings.ts'
import { inputFormats } from '../agent/formats/registry.ts'
import { rulesOf } from '../agent/line-rules.ts'
import { tailScene } from '../agent/tail-story.ts'
import { inputNames } from './input-settings.ts'
import { loadSettings, type Settings } from './settings.ts'

const page = readFileSync(new URL('../docs/agent.md', import.meta.url), 'utf8')

interface Example {
  readonly yaml: string
  log: string
  records: string
}

/** Blocks of yaml, each with the log and the records that follow it. */
function examples(): Example[] {
  const found: Example[] = []
  for (const [, kind, body] of page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (kind === 'yaml') found.push({ yaml: body!, log: '', records: '' })
    else if (kind === 'log') found.at(-1)!.log = body!
    else if (kind === 'records') found.at(-1)!.records = body!
  }
  return found
}

function inputsOf(yaml: string): Settings['inputs'] {
  const directory = mkdtempSync(join(tmpdir(), 'agent-docs-'))
  try {
    writeFileSync(join(directory, 'tailrace.yaml'), yaml)
    return loadSettings({}, {}, join(directory, 'tailrace.yaml'), { data: 'data' }).inputs
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function recordsOf(input: Settings['inputs'][number], log: string): Promise<string[]> {
  const { format } = input
  await using s = await tailScene('*.log', {}, () => ({ format }))
  const rules = rulesOf(input, 'web-1')
  s.story.routing = { ...s.story.routing, ...(rules && { rules }) }
  writeFileSync(s.at('a.log'), log)
  s.agent.settle()
  s.agent.settle()
  assert.deepEqual(s.reasons(), [])
  return [...s.story.counted.keys()].map(line => Buffer.from(line, 'latin1').toString('utf8'))
}

for (const [index, { yaml, log, records }] of examples().entries()) {
  test(`example ${index + 1} of docs/agent.md is accepted, and its lines become its records`, async () => {
    const inputs = inputsOf(yaml)
    assert(inputs.length > 0)
    assert.equal(log === '', records === '')
    if (log !== '') assert.equal(`${(await recordsOf(inputs[0]!, log)).join('\n--\n')}\n`, records)
  })
}

test('the page has examples, and names every format, setting and encoding', () => {
  assert(examples().filter(({ log }) => log !== '').length >= 4)
  const names = [...inputNames([]), ...inputNames(['redact']), ...inputNames(['multiline'])]
  for (const name of [...names, ...inputFormats]) assert(page.includes(`\`${name}`), `${name} is missing`)
  for (const encoding of encodings) assert(page.includes(encoding), `${encoding} is missing`)
})
