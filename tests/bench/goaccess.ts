// GoAccess from Debian, where it is installed, on the lines that our fold counts beside it: microseconds of CPU a line,
// or null without it. Writes into a temporary directory only.
import { spawnSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'

const logFormat = '%h %^[%d:%t %^] "%r" %s %b "%R" "%u" %T'
/** How it reads our lines, whatever it does with them. */
export const goAccessArguments = [
  `--log-format=${logFormat}`,
  '--date-format=%d/%b/%Y',
  '--time-format=%T',
  '--no-global-config',
] as const
const script = `goaccess "$1" --log-format='${logFormat}' --date-format=%d/%b/%Y --time-format=%T -o "$2" \
  --no-progress --no-global-config >/dev/null 2>&1 || exit 1; times`

export function hasGoAccess(): boolean {
  return spawnSync('goaccess', ['--version'], { stdio: 'ignore' }).status === 0
}

export async function goAccessMicroseconds(
  lines: number,
  line: (index: number, timeMs: number) => string,
): Promise<number | null> {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'goaccess-'))
  const path = join(directory.path, 'access.log')
  const file = createWriteStream(path)
  const startMs = Date.parse('2026-11-24T08:00:00Z')
  for (let index = 0; index < lines; index++) file.write(`${line(index, startMs + index / 5)}\n`)
  await finished(file.end())
  const { status, stdout } = spawnSync('sh', ['-c', script, 'sh', path, join(directory.path, 'a.json')], {
    encoding: 'utf8',
  })
  if (status !== 0) return null
  // Of two lines the second has the children's user and system time: 0m3.120s 0m0.480s
  const seconds = [...stdout.split('\n')[1]!.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, m, s]) => Number(m) * 60 + Number(s),
  )
  return (seconds.reduce((sum, each) => sum + each, 0) / lines) * 1e6
}
