// A question of the page as a command for a terminal: it asks the same and answers the same. The token is named, never
// written out. Pure.

export interface CurlOptions {
  /** Media type to ask for; JSON when left out. */
  readonly accept?: string
  /** Makes it a POST. */
  readonly body?: unknown
}

export function curlOf(origin: string, path: string, { accept, body }: CurlOptions = {}): string {
  const parts = ['curl -H "Authorization: Bearer $TOKEN"']
  if (accept !== undefined) parts.push(`-H ${quoted(`Accept: ${accept}`)}`)
  if (body !== undefined) {
    parts.push(`-H ${quoted('Content-Type: application/json')}`, `-d ${quoted(JSON.stringify(body))}`)
  }
  return [...parts, quoted(`${origin}${path}`)].join(' ')
}

/** As one word of a POSIX shell, whatever it holds. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
