// The traces of six languages: each preset keeps one together, with the line before it, and apart from the next line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MultilineRule } from './line-rules.ts'
import { Multiline, multilineFault, multilinePresets } from './multiline.ts'

const traces: Readonly<Record<NonNullable<MultilineRule['preset']>, readonly string[]>> = {
  java: [
    '2026-11-24 08:00:00 ERROR Boom',
    'java.lang.IllegalStateException: no',
    '\tat com.example.A.b(A.java:12)',
    '\tSuppressed: java.io.IOException',
    'Caused by: java.lang.NullPointerException',
    '\t... 12 more',
  ],
  python: [
    'ERROR:root:bad',
    'Traceback (most recent call last):',
    '  File "a.py", line 1, in <module>',
    '    f()',
    'ValueError: no',
    '',
    'During handling of the above exception, another exception occurred:',
    '',
    'Traceback (most recent call last):',
    '  File "a.py", line 3',
    'my.own.AppError',
  ],
  go: [
    'panic: runtime error: index out of range [5]',
    '[signal SIGSEGV: segmentation violation]',
    '',
    'goroutine 1 [running]:',
    'main.f(0x1, {0x2, 0x3})',
    '\t/app/main.go:7 +0x1d',
    'created by main.main in goroutine 1',
    'exit status 2',
  ],
  node: [
    '/app/a.js:3',
    "    throw new TypeError('x')",
    '    ^',
    '',
    'TypeError: x',
    '    at f (/app/a.js:3:9) {',
    "  code: 'E'",
    '}',
    '',
    'Node.js v24.1.0',
  ],
  dotnet: [
    'fail: Shop[0]',
    'System.InvalidOperationException: no',
    ' ---> System.Exception: deep',
    '   at Shop.A() in /a.cs:line 1',
    '   --- End of inner exception stack trace ---',
  ],
  php: [
    'PHP Fatal error:  Uncaught Exception: x in /a.php:3',
    'Stack trace:',
    '#0 /a.php(7): f()',
    '#1 {main}',
    '  thrown in /a.php on line 3',
  ],
}

for (const preset of multilinePresets) {
  test(`the preset ${preset} keeps a trace together and ends it before the next line`, () => {
    const multiline = new Multiline({ preset })
    const continues = (line: string) => multiline.continues(Buffer.from(line), 0, Buffer.byteLength(line))
    const [first, ...rest] = traces[preset]
    assert.equal(continues(first!), false, first)
    for (const line of rest) assert.equal(continues(line), true, line)
    for (const next of ['2026-11-24 08:00:01 INFO on', '{"level":30}', 'INFO: on']) {
      assert.equal(continues(next), false, next)
    }
  })
}

test('a rule is one of preset, start and continuation', () => {
  assert.equal(multilineFault({ preset: 'go' }), null)
  assert.notEqual(multilineFault({ preset: 'go', start: '^x' }), null)
  assert.notEqual(multilineFault({}), null)
})
