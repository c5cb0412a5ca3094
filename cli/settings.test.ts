// What a person may write in tailrace.yaml, in the environment and on the command line, and what they are told
// when it is wrong.
import assert from 'node:assert/strict'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { keepRules } from './keep-settings.ts'
import { loadSettings } from './settings.ts'

async function load(yaml: string, environment: NodeJS.ProcessEnv = {}, flags: Record<string, unknown> = {}) {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'settings-'))
  const path = join(directory.path, 'tailrace.yaml')
  await writeFile(path, yaml)
  return loadSettings(flags, environment, path, { data: 'data' })
}

test('loadSettings() lets the environment override the file, and flags override both', async () => {
  assert.equal((await load('kafkaPort: 1')).kafkaPort, 1)
  assert.equal((await load('kafkaPort: 1', { TAILRACE_KAFKA_PORT: '2' })).kafkaPort, 2)
  assert.equal((await load('kafkaPort: 1', { TAILRACE_KAFKA_PORT: '2' }, { kafkaPort: 3 })).kafkaPort, 3)
  assert.equal((await load('kafkaPort: 1', {}, { kafkaPort: undefined })).kafkaPort, 1)
})

test('what the environment says wrongly is laid to its variable, not to the line that says it rightly', async () => {
  const wrong = load('httpPort: 8081', { TAILRACE_HTTP_PORT: 'abc' })
  await assert.rejects(wrong, /^ExitError: Setting "httpPort" \(TAILRACE_HTTP_PORT\): a port is/)
})

const refusals = [
  ['kafkaProt: 1', /tailrace\.yaml:1:\d+: Unknown setting "kafkaProt": did you mean "kafkaPort"\?/],
  ['data: x\nkafkaPort: many', /tailrace\.yaml:2:\d+: Setting "kafkaPort"/],
  ['inputs:\n  - path: [/x]', /Unknown setting "path": did you mean "paths"\?/],
  ['dataDirectoryBytes: 1', /tailrace\.yaml:1:\d+: Setting "dataDirectoryBytes"/],
  ['kafkaPort: 70000', /tailrace\.yaml:1:\d+: Setting "kafkaPort"/],
  ['retentionHours: 1e300', /tailrace\.yaml:1:\d+: Setting "retentionHours": at most 100 years/],
  ['a: [', /tailrace\.yaml:1:\d+: /],
  ['bootstrap: nonsense', /tailrace\.yaml:1:\d+: Setting "bootstrap": write host:port/],
  ['bootstrap: "a:1, b:2"', /Setting "bootstrap": write host:port/],
  [
    'kafkaPort: 1\nmetadata: postgres',
    /tailrace\.yaml:2:\d+: Setting "metadata": write sqlite, or zookeeper:/,
  ],
  ['metadata: zookeeper://h1:2181,h2:0', /Setting "metadata": .*"h2:0" is no host:port/],
  ['metadata: zookeeper://u:secret@h1/x', /Setting "metadata": [^s]*every user of the machine could read/],
  [
    'zookeeper:\n  credential: x',
    /tailrace\.yaml:2:\d+: Unknown setting "credential": did you mean "credentials"/,
  ],
  ['inputs:\n  - paths: [/x]\n    format: sylog', /there is no "sylog": did you mean "syslog"\?/],
  ['inputs:\n  - paths: [/x]\n    format: "nginx:$a$b"', /yaml:3:\d+: .*nothing between to tell them apart/],
  ['inputs:\n  - paths: [/x]\n    encoding: utf16le', /did you mean "utf-16le"\?/],
  [
    'inputs:\n  - paths: [/x]\n    redact:\n      card: true',
    /yaml:4:\d+: Unknown setting "card": did you mean "cards"/,
  ],
  ['inputs:\n  - paths: [/x]\n    multiline: { presets: go }', /"presets": did you mean "preset"/],
  [
    'inputs:\n  - paths: [/x]\n    multiline: { preset: go, start: x }',
    /one of preset, start or continuation/,
  ],
  ['inputs:\n  - paths: [/x]\n    excludeLines: ["(?<=a)b"]', /must run in linear time/],
  ['inputs:\n  - paths: [/x]\n    includeLines: ["("]', /not a regular expression/],
  ['inputs:\n  - paths: [/x]\n    fields: { src: a }', /says where a line comes from/],
  ['kafkaPort: *none', /^Cannot read the configuration .*Unresolved alias.*: none$/],
  ['kafkaPort: 1\n---\nkafkaPort: 2', /yaml:2:1: There is a second document/],
  ['inputs:\n\t- paths: [/x]', /yaml:2:1: Tabs are not allowed as indentation$/],
  ['timeZone: Mars/Phobos', /yaml:1:11: Setting "timeZone": no such time zone: write an IANA name/],
  ['inputs:\n  - paths: [/x]\n    topic: "a/b"', /yaml:3:12: .*no topic may have the name "a\/b"/],
  ['inputs:\n  - paths: [/x]\n    topic: __consumer_offsets', /is an internal topic: name another/],
  ['inputs:\n  - paths: [/x]\n    sample: 0', /"inputs.0.sample"/],
  [
    'data: x\nalerts:\n  - name: a\n    metric: errors',
    /yaml:3:5: Setting "alerts.0.kind": must be given: write one of threshold, change, absence/,
  ],
  ['alerts:\n  - name: a\n    kind: treshold', /yaml:3:11: .*"treshold": did you mean "threshold"\?/],
  [
    'alerts:\n  - { name: a, kind: threshold, metric: errors, op: ">", treshold: 1 }',
    /yaml:2:\d+: Unknown setting "treshold": did you mean "threshold"/,
  ],
  ['alerts:\n  - name: a\n    kind: threshold', /yaml:2:5: Setting "alerts.0.metric"/],
  [
    'funnels:\n  - name: buy\n    steps: [{ page: / }, { evnt: x }]',
    /yaml:3:\d+: Unknown setting "evnt": did you mean "event"/,
  ],
] as const
for (const [yaml, expected] of refusals) {
  test(`loadSettings() refuses ${JSON.stringify(yaml)} with the place and the remedy`, async () => {
    await assert.rejects(load(yaml), (error: unknown) => {
      assert(error instanceof ExitError)
      assert.equal(error.exitCode, exitCodes.config)
      assert.match(error.message, expected)
      return true
    })
  })
}

test('loadSettings() takes the place of the metadata from the environment', async () => {
  const place = 'zookeeper://h1:2181,h2:2181,[::1]:2181/tailrace/a'
  assert.equal((await load('')).metadata, 'sqlite')
  assert.equal((await load('', { TAILRACE_METADATA: place })).metadata, place)
  assert.equal((await load(`metadata: ${place}`)).metadata, place)
})

test('loadSettings() reads inputs with their defaults', async () => {
  const settings = await load('inputs:\n  - paths: ["/var/log/nginx/*.log"]\n    keyField: userId\n')
  assert.deepEqual(settings.inputs, [{ paths: ['/var/log/nginx/*.log'], format: 'auto', keyField: 'userId' }])
})

test('how long statistics are kept is a duration per step', () => {
  const settings = loadSettings({ retention: { '1m': '3d', '1d': '2y' }, data: 'd' }, {}, undefined, {})
  const { keptMs, bytesMax } = keepRules(settings.retention, settings.statisticsBytes)
  assert.deepEqual(keptMs, { 60: 3 * 86_400_000, 86400: 2 * 366 * 86_400_000 })
  assert.equal(bytesMax, null)
  assert.throws(
    () => loadSettings({ retention: { '1m': 'three days' }, data: 'd' }, {}, undefined, {}),
    /"retention.1m": write a duration/,
  )
  assert.throws(
    () => loadSettings({ retention: { '15min': '3d' }, data: 'd' }, {}, undefined, {}),
    /Unknown setting "15min": did you mean "15m"/,
  )
})
