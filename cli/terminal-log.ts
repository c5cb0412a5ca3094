// What the supervisor says while it runs: short sentences on standard error, for eyes rather than machines.
import type { Log, LogFields } from '../runtime/log.ts'

export function terminalLog(write: (line: string) => void = line => process.stderr.write(line)): Log {
  const say = (message: string, fields?: LogFields) => {
    const facts = Object.entries(fields ?? {}).map(([name, value]) => `${name}=${String(value)}`)
    write(`${new Date().toISOString().slice(11, 19)} ${[message, ...facts].join('  ')}\n`)
  }
  return { debug: () => {}, info: say, warn: say, error: say }
}
