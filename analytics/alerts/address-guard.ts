// Where a webhook may lead: nowhere on this machine or in its networks, unless the settings allow it. Whoever may write
// a rule could otherwise make this server talk to what only it can reach. Pure.
import { BlockList, isIP, isIPv4 } from 'node:net'

/** Networks that are not the public internet: RFC 6890 and its IPv6 kin. */
const closedNetworks = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carriers' own, also used for metadata by clouds
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, cloud metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '::/96', // unspecified, loopback, IPv4-compatible
  '64:ff9b:1::/48', // local translation
  '100::/64', // discard
  '2001::/23', // protocol assignments, Teredo
  '2001:db8::/32', // documentation
  '3fff::/20', // documentation
  '5f00::/16', // segment routing
  'fc00::/7', // unique local
  'fe80::/10', // link-local
  'fec0::/10', // site-local of old
  'ff00::/8', // multicast
] as const

const closed = networks(closedNetworks)

/** Addresses, networks and names that the settings open: `10.0.0.5`, `192.168.1.0/24`, `alerts.internal`. */
export class AllowedTargets {
  readonly #names: ReadonlySet<string>
  readonly #networks: BlockList

  constructor(texts: readonly string[]) {
    const isName = (text: string) => isIP(text.split('/')[0]!) === 0
    this.#names = new Set(texts.filter(isName).map(text => text.toLowerCase()))
    this.#networks = networks(texts.filter(text => !isName(text)))
  }

  /** Why this address may not be talked to, or null. `name` is what the URL says. */
  refusal(name: string, address: string): string | null {
    if (this.#names.has(name.toLowerCase())) return null
    const plain = embeddedIPv4(address) ?? address
    if (contains(this.#networks, plain)) return null
    if (isIP(plain) !== 0 && !contains(closed, plain)) return null
    const where = name === address ? address : `${name} is ${address}, which`
    return `${where} is not on the public internet. Allow it with the setting webhookAllow`
  }
}

/** Of an IPv6 address that only wraps an IPv4 one: mapped, translated (NAT64), 6to4. Null for others. */
export function embeddedIPv4(address: string): string | null {
  const words = wordsOf(address)
  if (!words) return null
  const [a, b, c, d, e, f, g, h] = words as [number, number, number, number, number, number, number, number]
  if (a === 0 && b === 0 && c === 0 && d === 0 && ((e === 0 && f === 0xffff) || (e === 0xffff && f === 0))) {
    return quad(g, h)
  }
  if (a === 0x64 && b === 0xff9b && [c, d, e, f].every(word => word === 0)) return quad(g, h)
  return a === 0x2002 ? quad(b, c) : null
}

function quad(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** The eight 16-bit words of an IPv6 address; null for anything else. */
function wordsOf(address: string): number[] | null {
  const [bare] = address.split('%')
  if (isIP(bare!) !== 6) return null
  const text = bare!.replace(/:(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) => {
    const word = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16)
    return `:${word(a, b)}:${word(c, d)}`
  })
  const [head, tail] = text.split('::')
  const words = (part: string | undefined) =>
    part ? part.split(':').map(word => Number.parseInt(word, 16)) : []
  const [first, last] = [words(head), words(tail)]
  if (tail === undefined) return first
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
}

function networks(texts: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of texts) {
    const [address, prefix] = text.split('/')
    const family = isIPv4(address!) ? 'ipv4' : 'ipv6'
    list.addSubnet(address!, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  return list
}

function contains(list: BlockList, address: string): boolean {
  const [bare] = address.split('%')
  return isIP(bare!) !== 0 && list.check(bare!, isIPv4(bare!) ? 'ipv4' : 'ipv6')
}

/** True for what the setting may name: an address, a network, or a host. */
export function isTarget(text: string): boolean {
  const [address, prefix, more] = text.split('/')
  if (more !== undefined) return false
  const family = isIP(address!)
  if (family === 0) return prefix === undefined && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text)
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
}
