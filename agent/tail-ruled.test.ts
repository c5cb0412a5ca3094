// Files whose inputs have rules about their lines, through the tailer: records of several lines, encodings, limits,
// filters, tables whose columns change. What is sent again after a restart ends where it ended before.
import assert from 'node:assert/strict'
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { LineRules } from './line-rules.ts'
import { tailScene } from './tail-story.ts'

async function ruledScene(rules: LineRules, more: { format?: string; encoding?: string } = {}) {
  const scene = await tailScene('*.log', {}, () => more)
  scene.story.routing = { ...scene.story.routing, rules }
  return scene
}

const java = 'E boom\njava.lang.Error: x\n\tat a.B.c(B.java:1)\nCaused by: y\n\t... 3 more'

test('a trace is one record with the line before it; the last one when its file has been quiet', async () => {
  await using s = await ruledScene({ multiline: { preset: 'java' } })
  writeFileSync(s.at('a.log'), `I one\n${java}\nI two\n`)
  s.agent.sweep()
  s.agent.save()
  s.agent.ship(() => true)
  assert.deepEqual(s.counts(), { 'I one': 1, [java]: 1 })
  s.agent.settle()
  assert.deepEqual(s.counts(), { 'I one': 1, [java]: 1, 'I two': 1 })
  assert.deepEqual(s.reasons(), [])
})

test('where a clock ended a record it ends again when read again, though its lines have gone on since', async () => {
  await using s = await ruledScene({ multiline: { start: '^[A-Z]' } })
  writeFileSync(s.at('a.log'), 'A\n a1\n')
  for (let sweep = 0; sweep < 8; sweep++) s.agent.sweep()
  s.agent.save()
  // Sent, and never acknowledged: what counts it has it.
  s.agent.ship(() => false)
  appendFileSync(s.at('a.log'), ' a2\nB\n')
  for (let sweep = 0; sweep < 8; sweep++) s.agent.sweep()
  s.agent.save()
  s.agent.ship(() => false)
  assert.match(JSON.stringify(s.story.checkpoint), /"cuts":\[6\]/)
  s.restart()
  appendFileSync(s.at('a.log'), ' b1\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { 'A\n a1': 1, ' a2': 1, B: 1, ' b1': 1 })
  assert.deepEqual(s.reasons(), [])
  assert.doesNotMatch(JSON.stringify(s.story.checkpoint), /cuts/)
})

test('killed at every step while records of several lines come slowly: each line counts once', async () => {
  await using s = await ruledScene({ multiline: { start: '^#' } })
  let seed = 5
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  let written = 0
  writeFileSync(s.at('a.log'), '')
  for (let step = 0; step < 600; step++) {
    const what = random(8)
    if (what < 3) appendFileSync(s.at('a.log'), `${random(3) === 0 ? '#' : ' '}${written++}\n`)
    else if (what < 5) for (let sweep = random(7); sweep >= 0; sweep--) s.agent.sweep()
    else if (what === 5) s.agent.save(random(4) === 0)
    else if (what === 6) s.agent.ship(() => random(2) === 0, random(4))
    else if (random(4) === 0) s.restart()
  }
  s.agent.settle()
  s.agent.settle()
  const lines = Object.entries(s.counts()).flatMap(([record, count]) => record.split('\n').map(() => count))
  assert.equal(lines.length, written)
  assert.deepEqual(
    lines.filter(count => count !== 1),
    [],
  )
  assert.deepEqual(s.reasons(), [])
})

test('a record is bounded in lines and in bytes, also by the line that is still being written', async () => {
  await using s = await ruledScene({ multiline: { start: '^#', maxLines: 2, maxBytes: 40 } })
  writeFileSync(s.at('a.log'), `#1\n 2\n 3\n#${'x'.repeat(50)}\n y\n z\n ${'w'.repeat(60)}`)
  s.agent.sweep()
  s.agent.save()
  s.agent.ship(() => true)
  assert.deepEqual(Object.keys(s.counts()).sort(), [' 3', ' y\n z', '#1\n 2', `#${'x'.repeat(50)}`].sort())
})

test('a file that is deleted while lines wait for more of their record loses nothing', async () => {
  await using s = await ruledScene({ multiline: { preset: 'python' } })
  const trace = 'E bad\nTraceback (most recent call last):\n  File "a.py", line 1\nValueError: x'
  writeFileSync(s.at('a.log'), `${trace}\n`)
  s.agent.sweep()
  rmSync(s.at('a.log'))
  s.agent.settle()
  s.agent.settle()
  assert.deepEqual(s.counts(), { [trace]: 1 })
  assert.deepEqual(s.reasons(), [])
})

/** Latin-1 of what was counted, as the scene keeps it, back to text. */
const asText = (counts: Record<string, number>) =>
  Object.keys(counts).map(line => Buffer.from(line, 'latin1').toString('utf8'))

for (const [encoding, mark] of [
  ['utf-16le', '\ufeff'],
  ['utf-16be', '\ufeff'],
  ['utf-16le', ''],
  ['utf-8', '\ufeff'],
] as const) {
  const name = mark === '' ? `${encoding}, declared` : `${encoding} with a byte order mark`
  test(`${name} becomes UTF-8; a newline inside a character ends nothing`, async () => {
    await using s = await ruledScene({}, mark === '' ? { encoding } : {})
    const encode = (text: string) => {
      const bytes = Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'utf16le')
      return encoding === 'utf-16be' ? bytes.swap16() : bytes
    }
    // U+0A0A and U+0A00 hold bytes that look like newlines, U+000A the real one.
    writeFileSync(s.at('a.log'), encode(`${mark}één \u0a0a\u0a00 €\r\nzwei`))
    s.agent.settle()
    assert.deepEqual(asText(s.counts()), ['één \u0a0a\u0a00 €'])
    appendFileSync(s.at('a.log'), encode(`\n${'x'.repeat(200_000)}\n${'\u0a0a'.repeat(200_000)}\nlast\n`))
    s.restart()
    s.agent.settle()
    const lengths = asText(s.counts()).map(line => line.length)
    assert.deepEqual(
      lengths.sort((a, b) => a - b),
      [4, 4, 8, 200_000, 200_000],
    )
    assert.deepEqual(s.reasons(), [])
  })
}

test('a declared encoding of one byte is read as such', async () => {
  await using s = await ruledScene({}, { encoding: 'windows-1252' })
  writeFileSync(s.at('a.log'), Buffer.from([0x80, 0x20, 0xe9, 0x0a]))
  s.agent.settle()
  assert.deepEqual(asText(s.counts()), ['€ é'])
})

test('a line over the limit is cut at a character, or dropped, and the ledger says which', async () => {
  await using cut = await ruledScene({ maxLineBytes: 300 })
  await using drop = await ruledScene({ maxLineBytes: 300, onLongLine: 'drop' })
  for (const s of [cut, drop]) {
    writeFileSync(s.at('a.log'), `one\n${'é'.repeat(200)}\n${'y'.repeat(700_000)}\nlast\n`)
    s.agent.settle()
    s.agent.settle()
  }
  assert.deepEqual(
    Object.keys(cut.counts()).map(line => line.length),
    [4, 3, 300, 300],
  )
  assert.deepEqual(cut.reasons(), ['line-cut', 'line-cut'])
  assert.deepEqual([cut.story.ledger[0]!.from, cut.story.ledger[0]!.to], [304, 404])
  assert.deepEqual(drop.counts(), { one: 1, last: 1 })
  assert.deepEqual(
    drop.story.ledger.map(({ reason, lines }) => [reason, lines]),
    [
      ['line-dropped', 1],
      ['line-dropped', 1],
    ],
  )
})

test('lines that a filter drops are passed by the frontier, and rules that change begin another src', async () => {
  await using s = await ruledScene({ includeLines: ['GET', 'POST'], excludeLines: ['/health'] })
  writeFileSync(s.at('a.log'), 'GET /a\nPUT /a\nGET /health\nPUT /b\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { 'GET /a': 1 })
  assert.equal(s.agent.leftOutCount, 3)
  const [file] = s.story.checkpoint!
  assert.deepEqual([file!.ranges[0]!.frontier, file!.end], [33, 33])
  s.story.routing = { ...s.story.routing, rules: { excludeLines: ['GET'] } }
  appendFileSync(s.at('a.log'), 'PUT /c\nGET /d\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { 'GET /a': 1, 'PUT /c': 1 })
  assert.equal(new Set([...s.story.lastPosition.keys()].map(key => key.split(' ')[0])).size, 2)
  assert.deepEqual(s.reasons(), [])
})

test('a sample is the same lines again after a restart', async () => {
  await using s = await ruledScene({ sample: 0.25 })
  writeFileSync(s.at('a.log'), Array.from({ length: 2_000 }, (_, index) => `line ${index}\n`).join(''))
  s.agent.sweep()
  s.agent.save()
  s.agent.ship(() => false)
  const first = Object.keys(s.counts())
  s.restart()
  s.agent.settle()
  assert.deepEqual(Object.keys(s.counts()), first)
  assert(first.length > 400 && first.length < 600, `${first.length} of 2,000`)
})

test('a table whose columns change in the middle of a file is read by the columns above each line', async () => {
  await using s = await ruledScene({}, { format: 'auto' })
  const one = '#Fields: date time c-ip sc-status\n2026-11-24 08:00:00 10.0.0.1 200\n'
  const two = '#Fields: date time sc-status c-ip\n2026-11-24 08:00:01 404 10.0.0.1\n'
  writeFileSync(s.at('a.log'), one + two)
  s.agent.settle()
  assert.deepEqual([...s.story.formats], ['w3c:date time c-ip sc-status', 'w3c:date time sc-status c-ip'])
  assert.deepEqual(s.story.decided, ['w3c:date time c-ip sc-status', 'w3c:date time sc-status c-ip'])
  s.restart()
  s.story.formats.clear()
  appendFileSync(s.at('a.log'), '2026-11-24 08:00:02 500 10.0.0.1\n')
  s.agent.settle()
  assert.deepEqual([...s.story.formats], ['w3c:date time sc-status c-ip'])
  assert.deepEqual(Object.values(s.counts()), [1, 1, 1, 1, 1])
  assert.deepEqual(s.reasons(), [])
})

test('what is sent again becomes the same records, though the rules are others by then', async () => {
  await using s = await ruledScene({ redact: { emails: true }, excludeLines: ['^no'] })
  writeFileSync(s.at('a.log'), 'a@b.cc 1\nno\n')
  s.agent.sweep()
  s.agent.save()
  s.agent.ship(() => false)
  s.story.lastPosition.clear()
  s.story.routing = { ...s.story.routing, rules: { redact: { emails: true, replace: 'hash' } } }
  s.restart()
  appendFileSync(s.at('a.log'), 'a@b.cc 2\nno 2\n')
  s.agent.settle()
  const [second, first, third] = Object.keys(s.counts()).sort()
  assert.deepEqual([first, third], ['[email] 1', 'no 2'])
  assert.match(second!, /^\[email:[0-9a-f]{16}\] 2$/)
  assert.equal(s.counts()['[email] 1'], 2)
})

test('lines that wait are lost with a truncation, and said to be; their file is let go all the same', async () => {
  await using s = await ruledScene({ multiline: { preset: 'go' } })
  writeFileSync(s.at('a.log'), 'one\ntwo\n')
  s.agent.sweep()
  truncateSync(s.at('a.log'), 0)
  s.agent.settle()
  assert.deepEqual([s.counts(), s.reasons()], [{ one: 1 }, ['truncated-before-read']])
  rmSync(s.at('a.log'))
  s.agent.settle()
  s.agent.settle()
  assert.equal(s.agent.tailer.fileCount, 0)
})

test('lines that wait in a file that is renamed are a record when it has been quiet', async () => {
  await using s = await ruledScene({ multiline: { preset: 'go' } })
  writeFileSync(s.at('a.log'), 'one\n\ttwo\n')
  s.agent.sweep()
  renameSync(s.at('a.log'), s.at('a.log.1'))
  writeFileSync(s.at('a.log'), 'three\n')
  s.agent.settle()
  s.agent.settle()
  assert.deepEqual(s.counts(), { 'one\n\ttwo': 1, three: 1 })
  assert.deepEqual(s.reasons(), [])
})
