// What holds and why: each setting with the source it comes from, and what about the sources looks like a slip though
// it can be used. Reads directories to see whether globs match; changes nothing.
import { existsSync, globSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { nearest } from '../analytics/queries/nearest.ts'
import { settingFlags } from './setting-flags.ts'
import { type Settings, type SettingsFault, type Sources, settingsSchema, variableOf } from './settings.ts'

export type Origin =
  | { readonly source: 'flag' | 'environment'; readonly name: string }
  | { readonly source: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly source: 'default' }

export interface ExplainedSetting {
  readonly value: unknown
  readonly origin: Origin
}

/** By name, in the order of the schema; what is neither set nor has a default is null. */
export function explainSettings(sources: Sources, settings: Settings): Record<string, ExplainedSetting> {
  const names = Object.keys(settingsSchema.shape) as (keyof Settings)[]
  return Object.fromEntries(
    names.map(name => [name, { value: settings[name] ?? null, origin: originOf(name, sources) }]),
  )
}

function originOf(name: string, { flags, environment, file }: Sources): Origin {
  if (name in flags) return { source: 'flag', name: settingFlags[name]?.flag ?? name }
  if (name in environment) return { source: 'environment', name: variableOf(name) }
  const place = file.placeOfName([name])
  if (place && file.path !== undefined) return { source: 'file', file: file.path, ...place }
  return { source: 'default' }
}

export function originText(origin: Origin): string {
  if (origin.source === 'file') return `${origin.file}:${origin.line}`
  return origin.source === 'default' ? 'default' : origin.name
}

/** Variables of this product that are no settings. */
const otherVariables = [
  'TAILRACE_ADMIN_TOKEN',
  'TAILRACE_CONFIG',
  'TAILRACE_SUPERVISED',
  'TAILRACE_REEXECUTED',
]

/** What can be used and is perhaps not what was meant. */
export function settingsWarnings(
  { file }: Sources,
  settings: Settings,
  environment: NodeJS.ProcessEnv,
): SettingsFault[] {
  const warnings: SettingsFault[] = file.warnings.map(({ message, ...place }) => ({ place, message }))
  const warn = (keys: readonly PropertyKey[], message: string) => {
    warnings.push({ place: file.placeOf(keys), message })
  }
  for (const [index, { paths }] of settings.inputs.entries()) {
    for (const [at, glob] of paths.entries()) {
      if (globSync(resolve(glob)).length > 0) continue
      warn(['inputs', index, 'paths', at], `No file matches "${glob}" yet; it is found when it appears`)
    }
  }
  if (settings.tls && settings.public === undefined) {
    warn(['tls'], 'Setting "tls" has no effect without "public"')
  }
  for (const name of ['publicKafkaPort', 'publicHttpPort'] as const) {
    const place = file.placeOf([name])
    if (place && settings.public === undefined)
      warn([name], `Setting "${name}" has no effect without "public"`)
  }
  if (settings.reach && settings.bootstrap === undefined) {
    warn(['reach'], 'Setting "reach" has no effect without "bootstrap"')
  }
  return [...warnings, ...fileWarnings(settings, file.placeOf.bind(file)), ...variableWarnings(environment)]
}

function fileWarnings(
  { tls, zookeeper, reach }: Settings,
  placeOf: Sources['file']['placeOf'],
): SettingsFault[] {
  const named: (readonly [readonly string[], string | undefined])[] = [
    ...Object.entries(tls ?? {}).map(([part, path]) => [['tls', part], path] as const),
    ...Object.entries(zookeeper).map(([part, path]) => [['zookeeper', part], path] as const),
    [['reach', 'caFile'], reach?.caFile],
    [['reach', 'passwordFile'], reach?.passwordFile],
  ]
  return named.flatMap(([keys, path]) => {
    if (path === undefined) return []
    const place = placeOf(keys)
    if (!existsSync(path))
      return [{ place, message: `Setting "${keys.join('.')}": there is no file "${path}"` }]
    const isOpen = /key|password|credentials/i.test(keys[1]!) && (statSync(path).mode & 0o077) !== 0
    return isOpen ? [{ place, message: `"${path}" can be read by others: chmod 600 ${path}` }] : []
  })
}

function variableWarnings(environment: NodeJS.ProcessEnv): SettingsFault[] {
  const known = [...Object.keys(settingsSchema.shape).map(variableOf), ...otherVariables]
  return Object.keys(environment)
    .filter(name => name.startsWith('TAILRACE_') && !known.includes(name))
    .map(name => {
      const guess = nearest(name, known)
      const hint = guess ? `: did you mean ${guess}?` : ''
      return { place: undefined, message: `The variable ${name} sets nothing${hint}` }
    })
}
