// A tar archive of small texts, in memory, as POSIX describes it (ustar). Pure.

export interface TarEntry {
  /** At most 100 bytes. */
  readonly name: string
  readonly content: Buffer
}

const blockBytes = 512

export function tarOf(entries: readonly TarEntry[], nowMs: number): Buffer {
  const blocks = entries.flatMap(({ name, content }) => {
    const padding = Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes)
    return [headerOf(name, content.length, nowMs), content, padding]
  })
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)])
}

function headerOf(name: string, size: number, nowMs: number): Buffer {
  const header = Buffer.alloc(blockBytes)
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`
  if (Buffer.byteLength(name) > 100) throw new RangeError(`The name "${name}" is too long for a tar archive`)
  header.write(name, 0)
  header.write(octal(0o600, 7), 100)
  header.write(octal(0, 7), 108)
  header.write(octal(0, 7), 116)
  header.write(octal(size, 11), 124)
  header.write(octal(Math.floor(nowMs / 1_000), 11), 136)
  header.write('        0', 148)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}
