// Who asks, as access logs know them: pairs of client address and user agent, seen before or new. A pair seen before
// costs two hashes and one map lookup, no string. Bounded: full interners are replaced, and what is hot comes back.
import type { CombinedLine } from '../../agent/formats/combined.ts'
import { truncatedAddress } from '../enrich/client-address.ts'
import type { CountryOf } from '../enrich/country.ts'
import { describeUserAgent, userAgentBytesMax } from '../enrich/user-agent.ts'
import { hashBytes, hashed } from '../sketches/hash.ts'
import { ByteInterner } from './interner.ts'
import type { ClientCell, PendingBucket } from './pending.ts'

/** What a user agent stands for, as ids of values. */
export interface AgentFacts {
  readonly browser: number
  readonly browserVersion: number
  readonly os: number
  readonly device: number
  readonly bot: number
  readonly isBot: boolean
}

export interface Client {
  /** The hash of both, for distinct counts. */
  readonly high: number
  readonly low: number
  readonly agent: AgentFacts
  /** The network of the address: the address itself is not kept. */
  readonly network: number
  /** -1 where no database says. */
  readonly country: number
  /** Where this client was last counted, so that the next line of the same ten seconds finds its cell at once. */
  bucket: PendingBucket | null
  cell: ClientCell | null
}

export interface ClientOptions {
  /** Absent: countries are not told. */
  readonly countryOf?: CountryOf | undefined
  /** Keep whole addresses instead of networks. */
  readonly keepsAddresses?: boolean | undefined
}

const agentsMax = 16_384
const addressesMax = 65_536
const clientsMax = 65_536

export class ClientCache {
  readonly #values: ByteInterner
  readonly #options: ClientOptions
  #agents = new ByteInterner(userAgentBytesMax)
  #facts: AgentFacts[] = []
  #addresses = new ByteInterner(64)
  #networks: number[] = []
  #countries: number[] = []
  /** By agent and address. */
  #clients = new Map<number, Client>()

  constructor(values: ByteInterner, options: ClientOptions) {
    this.#values = values
    this.#options = options
  }

  of(buffer: Buffer, line: CombinedLine): Client {
    const agent = this.#agents.idOf(buffer, line.agentStart, line.agentEnd)
    const address = this.#addresses.idOf(buffer, line.clientStart, line.clientEnd)
    return this.#clients.get(agent * addressesMax * 2 + address) ?? this.#add(buffer, line, agent, address)
  }

  #add(buffer: Buffer, line: CombinedLine, agent: number, address: number): Client {
    if (
      this.#agents.size > agentsMax ||
      this.#addresses.size > addressesMax ||
      this.#clients.size > clientsMax
    ) {
      this.#startOver()
      return this.of(buffer, line)
    }
    hashBytes(buffer, line.clientStart, line.clientEnd)
    hashBytes(buffer, line.agentStart, line.agentEnd, hashed.high ^ hashed.low)
    const { high, low } = hashed
    if (this.#networks[address] === undefined) this.#describeAddress(address)
    const client: Client = {
      high,
      low,
      agent: (this.#facts[agent] ??= this.#describeAgent(agent)),
      network: this.#networks[address]!,
      country: this.#countries[address]!,
      bucket: null,
      cell: null,
    }
    this.#clients.set(agent * addressesMax * 2 + address, client)
    return client
  }

  #startOver(): void {
    this.#agents = new ByteInterner(userAgentBytesMax)
    this.#facts = []
    this.#addresses = new ByteInterner(64)
    this.#networks = []
    this.#countries = []
    this.#clients = new Map()
  }

  #describeAgent(id: number): AgentFacts {
    const { browser, browserVersion, os, device, bot } = describeUserAgent(this.#agents.text(id))
    const idOf = (text: string) => this.#values.idOfText(text)
    return {
      browser: idOf(browser),
      browserVersion: idOf(browserVersion),
      os: idOf(os),
      device: idOf(device),
      bot: idOf(bot),
      isBot: bot !== '',
    }
  }

  #describeAddress(id: number): void {
    const { countryOf, keepsAddresses } = this.#options
    const address = this.#addresses.text(id)
    this.#networks[id] = this.#values.idOfText(keepsAddresses ? address : truncatedAddress(address))
    this.#countries[id] = countryOf ? this.#values.idOfText(countryOf(address)) : -1
  }
}
