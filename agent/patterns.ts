// Patterns that users write: regular expressions that V8 can run in time linear in the line, so that no pattern and no
// line can hang the agent. Back references and look-around are refused with a sentence. The usual engine runs them,
// many times faster on usual lines; when it has gone back too often it hands over to the linear one.
// Matched against bytes read as Latin-1: offsets in the text are offsets in the line, whatever encoding it has.
import { setFlagsFromString } from 'node:v8'

for (const flag of [
  '--enable-experimental-regexp-engine',
  '--enable-experimental-regexp-engine-on-excessive-backtracks',
  '--regexp-backtracks-before-fallback=10000',
]) {
  setFlagsFromString(flag)
}

const patternBytesMax = 1024

/** Global. Throws a SyntaxError for what is no pattern or cannot run in linear time. */
export function compilePattern(source: string): RegExp {
  if (Buffer.byteLength(source) > patternBytesMax)
    throw new SyntaxError(`longer than ${patternBytesMax} bytes`)
  // Letters beyond ASCII match the bytes that UTF-8 writes for them.
  const bytes = Buffer.from(source, 'utf8').toString('latin1')
  // With these flags a pattern that has no linear form is a SyntaxError.
  new RegExp(bytes, 'lg')
  return new RegExp(bytes, 'g')
}

/** Why this cannot be a pattern, or null. */
export function patternFault(source: string): string | null {
  if (source === '') return 'an empty pattern would match everything'
  try {
    compilePattern(source)
    return null
  } catch (error) {
    const { message } = error as Error
    return message.includes('linear time')
      ? 'back references and look-around are not allowed: a pattern must run in linear time'
      : `not a regular expression: ${message}`
  }
}

export function matches(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0
  return pattern.test(text)
}
