// A database of MaxMind's format, made here by hand: addresses below 128.0.0.0 are in one country, the others in none.
import assert from 'node:assert/strict'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCountries } from './country.ts'

const text = (value: string) => Buffer.concat([Buffer.from([0x40 | value.length]), Buffer.from(value)])
const uint16 = (value: number) => Buffer.from([0xa1, value])
const map = (...entries: (readonly [string, Buffer])[]) =>
  Buffer.concat([
    Buffer.from([0xe0 | entries.length]),
    ...entries.flatMap(([key, value]) => [text(key), value]),
  ])

/** One node: a zero bit leads to the record at the start of the data (16 bytes further), a one bit nowhere. */
function database(record: Buffer): Buffer {
  const tree = Buffer.from([0, 0, 1 + 16, 0, 0, 1])
  const metadata = map(
    ['node_count', uint16(1)],
    ['record_size', uint16(24)],
    ['ip_version', uint16(4)],
    ['database_type', text('country')],
    ['binary_format_major_version', uint16(2)],
    ['binary_format_minor_version', uint16(0)],
    ['build_epoch', uint16(1)],
  )
  const marker = Buffer.concat([Buffer.from('abcdef', 'hex'), Buffer.from('MaxMind.com')])
  return Buffer.concat([tree, Buffer.alloc(16), record, marker, metadata])
}

test('openCountries() reads both ways of naming a country, and knows no place for what is no address', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'country-'))
  const path = join(directory.path, 'country.mmdb')
  for (const record of [map(['country_code', text('de')]), map(['country', map(['iso_code', text('DE')])])]) {
    await writeFile(path, database(record))
    const countryOf = openCountries(path)
    assert.equal(countryOf('9.9.9.9'), 'DE')
    assert.equal(countryOf('203.0.113.7'), '(unknown)')
    for (const address of ['', 'localhost', '::1', '9.9.9.999'])
      assert.equal(countryOf(address), '(unknown)', address)
  }
  await writeFile(path, 'not a database')
  assert.throws(() => openCountries(path))
})
