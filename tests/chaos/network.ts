// A network of namespaces on one Linux machine: one for each name, joined by a router in the middle, so that packets
// can be lost between any two, in either direction, without either noticing. Nothing of it has a name on the machine:
// a namespace lives as long as the process in it, which ends with its pipe, so that none outlives this process.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import koffi from 'koffi'

interface Place {
  readonly name: string
  readonly address: string
  readonly holder: ChildProcess
  readonly link: string
}

/**
 * Loopback addresses, which brokers without credentials insist on, told to be routed: in each namespace only its own
 * one is local.
 */
const prefix = '127.77.0'
const routerAddress = `${prefix}.254`
const routed = 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
const cloneNewNet = 0x40000000
/** On both ends of a slow link. */
const slow = ['rate', '400kbit', 'burst', '8kb', 'latency', '500ms']
const delayed = ['netem', 'delay', '100ms', '10ms']

export class Network {
  readonly #router: ChildProcess
  readonly #places = new Map<string, Place>()
  readonly #blocked = new Map<string, readonly string[]>()
  readonly #down = new Set<string>()
  readonly #slow = new Set<string>()
  readonly #own = openSync('/proc/self/ns/net', 'r')

  private constructor(router: ChildProcess) {
    this.#router = router
  }

  /** Null, and why, where this user or this kernel may not. */
  static async open(names: readonly string[]): Promise<Network | string> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'no namespaces: not root on Linux'
    let network: Network | null = null
    try {
      network = new Network(await holder())
      network.#route(`${routed}; echo 1 >/proc/sys/net/ipv4/ip_forward`)
      for (const name of names) await network.#add(name)
      return network
    } catch (error) {
      network?.close()
      return `no namespaces: ${(error as Error).message.split('\n')[0]}`
    }
  }

  get names(): readonly string[] {
    return [...this.#places.keys()]
  }

  address(name: string): string {
    return this.#place(name).address
  }

  /** What to put before a command for it to run there. */
  command(name: string): readonly string[] {
    return ['nsenter', `--net=/proc/${this.#place(name).holder.pid}/ns/net`]
  }

  /** From now on this thread opens its sockets there, and starts its children there. */
  enter(name: string): void {
    const at = openSync(`/proc/${this.#place(name).holder.pid}/ns/net`, 'r')
    setNamespace(at)
    closeSync(at)
  }

  /** Packets of the one do not reach the other; the way back is open. */
  block(from: string, to: string): void {
    const rule = ['from', this.address(from), 'to', this.address(to), 'blackhole']
    const name = rule.join(' ')
    if (this.#blocked.has(name)) return
    this.#route(`ip rule add ${name}`)
    this.#blocked.set(name, rule)
  }

  blockBoth(one: string, other: string): void {
    this.block(one, other)
    this.block(other, one)
  }

  unplug(name: string): void {
    this.#route(`ip link set ${this.#place(name).link} down`)
    this.#down.add(name)
  }

  plug(name: string): void {
    if (!this.#down.delete(name)) return
    const { link, address } = this.#place(name)
    this.#route(`ip link set ${link} up && ip route replace ${address}/32 dev ${link}`)
  }

  /** Says how slow. */
  slow(name: string): string {
    const { link } = this.#place(name)
    this.#slow.add(name)
    const limit = `tbf ${slow.join(' ')}`
    this.#route(`tc qdisc replace dev ${link} root ${limit}`)
    run([...this.command(name), 'sh', '-c', `tc qdisc replace dev eth0 root ${limit}`])
    return `${slow[1]} both ways`
  }

  /** False where the kernel cannot. */
  delay(name: string): boolean {
    try {
      this.#route(`tc qdisc replace dev ${this.#place(name).link} root ${delayed.join(' ')}`)
      this.#slow.add(name)
      return true
    } catch {
      return false
    }
  }

  heal(): void {
    for (const rule of this.#blocked.keys()) this.#route(`ip rule del ${rule}`)
    this.#blocked.clear()
    for (const name of [...this.#down]) this.plug(name)
    for (const name of this.#slow) {
      this.#route(`tc qdisc del dev ${this.#place(name).link} root || true`)
      run([...this.command(name), 'sh', '-c', 'tc qdisc del dev eth0 root 2>/dev/null || true'])
    }
    this.#slow.clear()
  }

  /** Back to where this process came from; with their last process the namespaces are gone. */
  close(): void {
    setNamespace(this.#own)
    closeSync(this.#own)
    for (const { holder: process } of this.#places.values()) process.stdin!.end()
    this.#router.stdin!.end()
  }

  async #add(name: string): Promise<void> {
    const number = this.#places.size + 1
    const place = { name, address: `${prefix}.${number}`, holder: await holder(), link: `to${number}` }
    this.#places.set(name, place)
    const { link, address } = place
    this.#route(
      [
        `ip link add ${link} type veth peer name eth0 netns ${place.holder.pid}`,
        `ip addr add ${routerAddress}/32 dev ${link}`,
        `ip link set ${link} up`,
        `ip route add ${address}/32 dev ${link}`,
      ].join(' && '),
    )
    const own = [
      routed,
      'ip link set lo up',
      'ip addr del 127.0.0.1/8 dev lo',
      'ip addr add 127.0.0.1/32 dev lo',
      `ip addr add ${address}/32 dev eth0`,
      'ip link set eth0 up',
      `ip route add ${prefix}.0/24 via ${routerAddress} dev eth0 onlink src ${address}`,
    ]
    run([...this.command(name), 'sh', '-c', own.join(' && ')])
  }

  #route(script: string): void {
    run(['nsenter', `--net=/proc/${this.#router.pid}/ns/net`, 'sh', '-c', script])
  }

  #place(name: string): Place {
    const place = this.#places.get(name)
    if (!place) throw new TypeError(`No place named ${name}`)
    return place
  }
}

/** A process that does nothing but be in a namespace of its own. */
async function holder(): Promise<ChildProcess> {
  const child = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  child.stdin.on('error', () => {})
  child.stdin.write('there\n')
  const outcome = await Promise.race([once(child.stdout, 'data'), once(child, 'exit'), once(child, 'error')])
  if (String(outcome[0]) !== 'there\n') throw new Error('unshare --net is refused')
  child.stdout.destroy()
  child.stderr.destroy()
  child.unref()
  return child
}

function run(command: readonly string[]): void {
  execFileSync(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
}

function setNamespace(fd: number): void {
  const setns = koffi.load('libc.so.6').func('int setns(int fd, int type)') as (
    fd: number,
    type: number,
  ) => number
  if (setns(fd, cloneNewNet) !== 0) throw new Error('setns is refused')
}
