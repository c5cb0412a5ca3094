// Records the golden exchanges of fixtures/wire anew: real clients talk through a proxy to a real Apache Kafka, and
// a small set of what they said and heard is kept. `node scripts/golden.ts [client …]`; only a run with every client
// replaces the files, or `node scripts/golden.ts replication` those about replicas, which need three brokers, or
// `administration` those that change topics, groups and users, which need listeners with log-in. Needs a
// JDK, Maven, Go, Python, kcat and the network; no test needs it.
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import {
  type Exchange,
  exchangeFileName,
  formatExchange,
  readExchanges,
  wireDirectory,
} from '../fixtures/wire.ts'
import { recordAdministration } from './golden/administration.ts'
import { RecordingProxy } from './golden/proxy.ts'
import { recordReplication } from './golden/replication.ts'
import { choose, isAboutAdministration, isAboutReplicas } from './golden/selection.ts'

const kafkaPort = 19_592
const proxyPort = 19_590
const bootstrap = `127.0.0.1:${proxyPort}`
const clientTimeoutMs = 240_000
const root = join(import.meta.dirname, '..')
const drivers = join(import.meta.dirname, 'golden')
const kafkaScript = join(import.meta.dirname, 'real/kafka.sh')
const cache = join(process.env['TAILRACE_KAFKA_CACHE'] ?? join(homedir(), '.cache/tailrace-kafka'), 'clients')
const python = join(cache, 'python/bin/python')
const go = join(cache, 'go/golden')
const pythonPackages = { 'kafka-python': '3.0.12', aiokafka: '0.14.0', 'confluent-kafka': '2.16.1' }
const goModules = {
  'github.com/twmb/franz-go': 'v1.22.2',
  'github.com/twmb/franz-go/pkg/kadm': 'v1.19.0',
  'github.com/IBM/sarama': 'v1.61.1',
}

interface Client {
  readonly name: string
  readonly version: string
  readonly command: readonly string[]
}

const nodeDriver = (file: string) => [process.execPath, join(drivers, file), bootstrap]
const pythonDriver = (name: string) => [python, join(drivers, 'clients.py'), name, bootstrap]
const kafkaVersion = process.env['KAFKA_VERSION'] ?? '4.3.1'

function clients(): Client[] {
  const classPath = execFileSync(kafkaScript, ['classpath'], { encoding: 'utf8' }).trim()
  return [
    { name: 'kafkajs', version: npmVersion('kafkajs'), command: nodeDriver('kafkajs.ts') },
    {
      name: 'platformatic',
      version: npmVersion('@platformatic/kafka'),
      command: nodeDriver('platformatic.ts'),
    },
    { name: 'kcat', version: kcatVersion(), command: [join(drivers, 'kcat.sh'), bootstrap] },
    { name: 'java', version: kafkaVersion, command: [join(drivers, 'java.sh'), classPath, bootstrap] },
    ...Object.entries(pythonPackages).map(([name, version]) => ({
      name,
      version,
      command: pythonDriver(name),
    })),
    {
      name: 'franz-go',
      version: goModules['github.com/twmb/franz-go'],
      command: [go, 'franz-go', bootstrap],
    },
    { name: 'sarama', version: goModules['github.com/IBM/sarama'], command: [go, 'sarama', bootstrap] },
    {
      name: 'franz-go-old',
      version: goModules['github.com/twmb/franz-go'],
      command: [go, 'franz-go-old', bootstrap],
    },
  ]
}

function npmVersion(name: string): string {
  const manifest = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

function kcatVersion(): string {
  const text = execFileSync('kcat', ['-V'], { encoding: 'utf8' })
  return /librdkafka ([\d.]+)/.exec(text)?.[1] ?? 'unknown'
}

/** Installs the clients that npm does not bring, each at the version written above, outside the tree. */
function prepare(): void {
  if (!existsSync(python)) {
    mkdirSync(cache, { recursive: true })
    execFileSync('python3', ['-m', 'venv', join(cache, 'python')])
    const packages = Object.entries(pythonPackages).map(([name, version]) => `${name}==${version}`)
    execFileSync(python, ['-m', 'pip', 'install', '-q', ...packages, 'python-snappy', 'lz4', 'zstandard'])
  }
  const directory = join(cache, 'go')
  mkdirSync(directory, { recursive: true })
  for (const file of ['main.go', 'replication.go', 'administration.go'])
    copyFileSync(join(drivers, file), join(directory, file))
  if (!existsSync(join(directory, 'go.mod'))) {
    execFileSync('go', ['mod', 'init', 'golden'], { cwd: directory })
    const modules = Object.entries(goModules).map(([path, version]) => `${path}@${version}`)
    execFileSync('go', ['get', ...modules], { cwd: directory })
    execFileSync('go', ['mod', 'tidy'], { cwd: directory })
  }
  execFileSync('go', ['build', '-o', go, '.'], { cwd: directory })
}

/** A client that fails is reported, not fatal: what it said until then is as real as the rest. */
function drive({ name, command }: Client): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const [program, ...rest] = command
  const child = spawn(program!, rest, { stdio: ['ignore', 'inherit', 'inherit'], timeout: clientTimeoutMs })
  child.on('error', error => console.error(`${name}: ${error.message}`))
  child.on('close', (code, signal) => {
    if (code !== 0) console.error(`${name}: ended with ${code ?? signal}`)
    resolve()
  })
  return promise
}

async function record(chosen: readonly Client[], proxy: RecordingProxy): Promise<void> {
  execFileSync(kafkaScript, ['start', String(kafkaPort), String(proxyPort)], {
    stdio: ['ignore', 'inherit', 'ignore'],
  })
  try {
    await proxy.listen(proxyPort)
    await drive({ name: 'warm-up', version: '', command: [join(drivers, 'warm-up.sh'), bootstrap] })
    proxy.seen.length = 0
    for (const client of chosen) {
      const before = proxy.seen.length
      proxy.client = `${client.name} ${client.version}`
      await drive(client)
      console.log(`${proxy.client}: ${proxy.seen.length - before} exchanges`)
    }
  } finally {
    proxy.close()
    execFileSync(kafkaScript, ['stop'])
  }
}

/** Replaces the files of one kind. */
function keep(exchanges: readonly Exchange[], isOfKind: (exchange: Exchange) => boolean): void {
  mkdirSync(wireDirectory, { recursive: true })
  for (const { file, exchange } of readExchanges()) if (isOfKind(exchange)) rmSync(join(wireDirectory, file))
  for (const exchange of exchanges) {
    writeFileSync(join(wireDirectory, exchangeFileName(exchange)), formatExchange(exchange))
  }
  console.log(`${exchanges.length} exchanges written`)
}

async function recordClients(chosen: readonly Client[]): Promise<Exchange[]> {
  const proxy = new RecordingProxy(kafkaPort)
  await record(chosen, proxy)
  console.log(`${proxy.seen.length} exchanges seen`)
  return choose(proxy.seen, broker)
}

async function recordReplicas(): Promise<Exchange[]> {
  const classPath = execFileSync(kafkaScript, ['classpath'], { encoding: 'utf8' }).trim()
  const goVersion = goModules['github.com/twmb/franz-go']
  const seen = await recordReplication({ classPath, go, goVersion, kafkaVersion })
  console.log(`${seen.length} exchanges seen`)
  return choose(seen, broker).filter(isAboutReplicas)
}

async function recordAdministrators(): Promise<Exchange[]> {
  const classPath = execFileSync(kafkaScript, ['classpath'], { encoding: 'utf8' }).trim()
  const goVersion = goModules['github.com/twmb/franz-go']
  const saramaVersion = goModules['github.com/IBM/sarama']
  const seen = await recordAdministration({ classPath, go, goVersion, saramaVersion })
  console.log(`${seen.length} exchanges seen`)
  return choose(seen, broker).filter(isAboutAdministration)
}

const broker = `Apache Kafka ${kafkaVersion}`
const replication = 'replication'
const administration = 'administration'
const names = process.argv.slice(2)
const all = clients()
const chosen = names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
const withReplicas = names.length === 0 || names.includes(replication)
const withAdministration = names.length === 0 || names.includes(administration)
if (chosen.length === 0 && !withReplicas && !withAdministration) {
  const known = [...all.map(({ name }) => name), replication, administration]
  console.error(`Cannot record ${names.join(', ')}: known are ${known.join(', ')}`)
  process.exit(64)
}
prepare()
if (chosen.length > 0) {
  const isOfClients = (exchange: Exchange) => !isAboutReplicas(exchange) && !isAboutAdministration(exchange)
  const exchanges = (await recordClients(chosen)).filter(isOfClients)
  if (names.length === 0) keep(exchanges, isOfClients)
  else console.log(`${exchanges.length} exchanges would be kept`)
}
if (withReplicas) keep(await recordReplicas(), isAboutReplicas)
if (withAdministration) keep(await recordAdministrators(), isAboutAdministration)
