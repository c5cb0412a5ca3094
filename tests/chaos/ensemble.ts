// Three real ZooKeeper members, each wherever the test has put it: laid out here, run by scripts/real/zookeeper.sh.
// They are in process groups of their own and have no pipe, so whoever starts them must close this.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const script = join(dirname(fileURLToPath(import.meta.url)), '../../scripts/real/zookeeper.sh')
const startTimeoutMs = 90_000
const answerTimeoutMs = 1_000

export interface MemberPlace {
  readonly address: string
  readonly port: number
  /** Two more, for the members among themselves. */
  readonly quorumPorts: readonly [number, number]
  /** Before a command for it to run there. */
  readonly prefix: readonly string[]
}

export class Ensemble {
  readonly #directory: string
  readonly #places: readonly MemberPlace[]
  readonly #down = new Set<number>()

  private constructor(directory: string, places: readonly MemberPlace[]) {
    this.#directory = directory
    this.#places = places
  }

  static async start(directory: string, places: readonly MemberPlace[]): Promise<Ensemble> {
    if (!existsSync('/usr/share/java/zookeeper.jar')) {
      throw new Error(
        `ZooKeeper is missing: run "${script} start" once as root, or apt-get install zookeeper`,
      )
    }
    const ensemble = new Ensemble(directory, places)
    for (const member of ensemble.members) ensemble.#configure(member)
    try {
      await Promise.all(ensemble.members.map(member => ensemble.#launch(member)))
    } catch (error) {
      ensemble.close()
      throw error
    }
    return ensemble
  }

  get members(): readonly number[] {
    return this.#places.map((_, index) => index + 1)
  }

  get address(): string {
    return `zookeeper://${this.#places.map(({ address, port }) => `${address}:${port}`).join(',')}`
  }

  signal(member: number, signal: NodeJS.Signals): void {
    const pid = this.#pidOf(member)
    if (pid === null) return
    process.kill(pid, signal)
    if (signal === 'SIGKILL') this.#down.add(member)
  }

  /** Nothing is stopped, everybody serves. */
  async heal(): Promise<void> {
    for (const member of this.members) this.signal(member, 'SIGCONT')
    await Promise.all([...this.#down].map(member => this.#launch(member)))
  }

  /** Null while there is none. */
  async leader(): Promise<number | null> {
    const modes = await Promise.all(this.#places.map(place => modeOf(place)))
    const at = modes.indexOf('leader')
    return at < 0 ? null : at + 1
  }

  close(): void {
    for (const member of this.members) this.signal(member, 'SIGKILL')
  }

  #configure(member: number): void {
    const own = join(this.#directory, String(member))
    const place = this.#places[member - 1]!
    mkdirSync(join(own, 'data'), { recursive: true })
    writeFileSync(join(own, 'data/myid'), `${member}\n`)
    writeFileSync(join(own, 'port'), `${place.port}\n`)
    const servers = this.#places.map(
      ({ address, quorumPorts }, index) =>
        `server.${index + 1}=${address}:${quorumPorts[0]}:${quorumPorts[1]}`,
    )
    const lines = [
      'tickTime=1000',
      'initLimit=10',
      'syncLimit=5',
      `dataDir=${join(own, 'data')}`,
      `clientPort=${place.port}`,
      'minSessionTimeout=2000',
      'maxClientCnxns=0',
      'admin.enableServer=false',
      '4lw.commands.whitelist=ruok,srvr,mntr',
      ...servers,
    ]
    writeFileSync(join(own, 'zoo.cfg'), `${lines.join('\n')}\n`)
  }

  async #launch(member: number): Promise<void> {
    const [file, ...rest] = [
      ...this.#places[member - 1]!.prefix,
      script,
      'member',
      String(member),
      this.#directory,
    ]
    await promisify(execFile)(file!, rest, { timeout: startTimeoutMs })
    this.#down.delete(member)
  }

  /** Only of a process that is a member of an ensemble: pids are used again. */
  #pidOf(member: number): number | null {
    try {
      const pid = Number(readFileSync(join(this.#directory, String(member), 'pid'), 'latin1'))
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('QuorumPeerMain') ? pid : null
    } catch {
      return null
    }
  }
}

/** 'leader', 'follower', or null of one that does not serve. */
function modeOf({ address, port }: MemberPlace): Promise<string | null> {
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(port, address, () => socket.write('srvr'))
    const end = () => {
      socket.destroy()
      resolve(/^Mode: (\w+)$/m.exec(answer)?.[1] ?? null)
    }
    socket.setTimeout(answerTimeoutMs, end)
    socket.on('data', chunk => {
      answer += chunk
    })
    socket.on('error', end)
    socket.on('end', end)
  })
}
