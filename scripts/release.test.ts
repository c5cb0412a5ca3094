// What may be released: a committed tree whose version the changelog tells of.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultOf } from './release.ts'

for (const [name, status, changelog, version, fault] of [
  ['a committed, told version', '', '# Changelog\n\n## 0.2.0\n\n## 0.1.0\n', '0.2.0', null],
  ['a changed file', ' M cli/up.ts\n?? x\n', '## 0.2.0\n', '0.2.0', /such as "M cli\/up\.ts"\. Commit first/],
  ['a version nobody told of', '', '## 0.1.0\n', '0.2.0', /no "## 0\.2\.0"/],
  ['a version whose beginning was told', '', '## 0.2.0-rc.1\n', '0.2.0', /no "## 0\.2\.0"/],
] as const) {
  test(`${name} ${fault === null ? 'may be released' : 'is refused'}`, () => {
    const found = faultOf(status, changelog, version)
    if (fault === null) assert.equal(found, null)
    else assert.match(found ?? '', fault)
  })
}
