// What changed against the period before: the difference, and the difference in percent of what was. Pure.
import type { Change } from '../http/contract.ts'
import type { Values } from './parts.ts'

export function changeOf(now: number | null, before: number | null): Change {
  if (now === null || before === null) return { absolute: null, percent: null }
  return {
    absolute: now - before,
    // Against nothing there is no percentage.
    percent: before === 0 ? null : ((now - before) / Math.abs(before)) * 100,
  }
}

export function changesOf(now: Values, before: Values): Record<string, Change> {
  return Object.fromEntries(
    Object.keys(now).map(name => [name, changeOf(now[name] ?? null, before[name] ?? null)]),
  )
}
