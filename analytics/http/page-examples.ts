// The examples of docs/api.md for the tests that execute them: what curl would send, and whether what stands under it
// is in the answer. Reads the page, sends requests.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

export const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')

export interface Example {
  readonly command: string
  /** Without /api/v1. */
  readonly path: string
  readonly kind: string | undefined
  readonly answer: string | undefined
}

/** Commands, each with the block that follows it at once. */
export const examples: readonly Example[] = [
  ...page.matchAll(/^```sh\n(curl[\s\S]*?)^```\n(?:```(json|csv)\n([\s\S]*?)^```)?/gm),
].map(([, command, kind, answer]) => {
  return { command: command!, path: pathOf(command!).replace('/api/v1', ''), kind, answer }
})

/** Those that need a broker that answers. */
export const isOfTheLog = ({ path }: Example) => /^\/(search|topics)\b/.test(path)

function pathOf(command: string): string {
  return /"\$TAILRACE([^"]*)"/.exec(command)![1]!
}

/** What curl would send: the address, method, headers, and a body that makes it a POST. */
function send(command: string, origin: string, token: string): Promise<Response> {
  const headers: Record<string, string> = {}
  for (const [, name, value] of command.matchAll(/-H "([\w-]+): ([^"]*)"/g))
    headers[name!] = value!.replace('$TOKEN', token)
  const json = / -d '([\s\S]*)'/.exec(command)?.[1]
  const form = / --data-urlencode '(\w+)=([\s\S]*)'/.exec(command)
  const body = json ?? (form ? new URLSearchParams({ [form[1]!]: form[2]! }) : undefined)
  const method = / -X ([A-Z]+)/.exec(command)?.[1] ?? (body ? 'POST' : 'GET')
  return fetch(`${origin}${pathOf(command)}`, { method, headers, ...(body && { body }) })
}

/** Fails unless it is answered, and with what the page says. */
export async function execute({ command, kind, answer }: Example, origin: string, token: string) {
  const response = await send(command, origin, token)
  const text = await response.text()
  assert.ok(response.ok, `${response.status} ${text}`)
  if (kind === 'csv') assert.equal(text.replaceAll('\r\n', '\n'), answer)
  else if (kind === 'json') assertHolds(JSON.parse(text), JSON.parse(answer!), '')
  else assert.ok(text.length > 0 || response.status === 204)
}

/** Everything that is expected is there; what is beside it is left out of the page. */
function assertHolds(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected !== 'object' || expected === null) {
    assert.equal(actual, expected, path)
    return
  }
  for (const [name, value] of Object.entries(expected)) {
    assertHolds((actual as Record<string, unknown> | undefined)?.[name], value, `${path}.${name}`)
  }
}
