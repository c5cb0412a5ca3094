// Patterns that users write: regular expressions that run in time linear in the line, by V8's engine for those, so that
// no pattern and no line can hang the agent. Back references and look-around are refused with a sentence.
// Matched against bytes read as Latin-1: offsets in the text are offsets in the line, whatever encoding it has.
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--enable-experimental-regexp-engine')

const patternBytesMax = 1024

/** Linear, global. Throws a SyntaxError for what is no pattern or cannot run in linear time. */
export function compilePattern(source: string): RegExp {
  if (Buffer.byteLength(source) > patternBytesMax)
    throw new SyntaxError(`longer than ${patternBytesMax} bytes`)
  // Letters beyond ASCII match the bytes that UTF-8 writes for them.
  return new RegExp(Buffer.from(source, 'utf8').toString('latin1'), 'lg')
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
