// Structured log lines: one JSON object a line on stderr, so that stdout stays data.
// Text that came from outside (log lines, client names) is escaped by JSON itself and cut to a bound.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

const levels: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 }
/** A hostile line must not become a hostile log: longer strings are cut, with their length noted. */
const fieldLengthMax = 500

/**
 * A log that names its process or room in every line. `TAILRACE_LOG` sets the lowest level (info by default).
 * `write` is injected by tests.
 */
export function createLog(name: string, write: (line: string) => void = writeToStderr): Log {
  const lowest = levels[(process.env['TAILRACE_LOG'] ?? 'info') as LogLevel] ?? levels.info
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (levels[level] < lowest) return
    const entry = { time: new Date().toISOString(), level, name, message, ...fields }
    write(`${JSON.stringify(entry, boundedValue)}\n`)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function boundedValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Error)
    return { error: value.message, code: (value as NodeJS.ErrnoException).code, stack: value.stack }
  if (typeof value === 'string' && value.length > fieldLengthMax) {
    return `${value.slice(0, fieldLengthMax)}… (${value.length} characters)`
  }
  return value
}

function writeToStderr(line: string): void {
  try {
    process.stderr.write(line)
  } catch {
    // A closed stderr must not end a broker.
  }
}
