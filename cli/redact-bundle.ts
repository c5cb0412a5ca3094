// What of an appliance may leave in a debug bundle: no secret, no line of anybody's log. Of settings whatever is
// named like a secret or leads to one goes; of log lines only what our own processes say in words and numbers stays.
// Pure.

const hidden = '[redacted]'
const secretNames =
  /token|secret|password|passwd|credential|auth|key(?!Field)|seed|headers?$|url|webhook|cookie/i
const harmless = new Set(['keyField', 'keepAddresses', 'key_field'])
const wordsMax = 300

/** The same structure with every value under a telling name taken out. */
export function redactSettings(value: unknown, name = ''): unknown {
  if (secretNames.test(name) && !harmless.has(name) && value !== null && value !== undefined) {
    return Array.isArray(value) && value.length === 0 ? value : hidden
  }
  if (Array.isArray(value)) return value.map(one => redactSettings(one))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redactSettings(inner, key)]))
  }
  return typeof value === 'string' ? withoutUserInfo(value) : value
}

function withoutUserInfo(text: string): string {
  return text.replaceAll(/\/\/[^/@\s]+@/g, `//${hidden}@`)
}

/** Of a JSON line of our own log: time, level, who, what in words, and numbers; anything else might be a user's. */
export function redactLogLine(line: string): string | null {
  let entry: Record<string, unknown>
  try {
    entry = JSON.parse(line) as Record<string, unknown>
  } catch {
    return null
  }
  if (typeof entry !== 'object' || entry === null) return null
  const kept = Object.entries(entry).flatMap(([name, value]) => {
    if (typeof value === 'number' || typeof value === 'boolean') return [[name, value] as const]
    if (['time', 'at', 'level', 'name', 'process'].includes(name)) return [[name, value] as const]
    // What is quoted in a sentence comes from elsewhere.
    if (name === 'message')
      return [
        [
          name,
          String(value)
            .slice(0, wordsMax)
            .replaceAll(/"[^"]*"|'[^']*'/g, '"…"'),
        ] as const,
      ]
    return []
  })
  return JSON.stringify(Object.fromEntries(kept))
}

/** Last of all: the secrets themselves, wherever they may have come to stand. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
      clean = clean.replaceAll(form, hidden)
    }
  }
  return clean
}
