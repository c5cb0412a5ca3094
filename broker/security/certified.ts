// Whom a certificate names. The name is the distinguished one as RFC 2253 writes it, most specific part first, which
// is Kafka's default mapping: `User:CN=ada,O=shop`. Pure.

export interface Certified {
  readonly name: string
  readonly isBroker: boolean
}

/** The authority of a cluster gives certificates of this unit to its brokers and to nobody else. */
export const brokersUnit = 'tailrace-brokers'

/** `subject` as OpenSSL lists it: one part a line, most general first, what has a meaning escaped. */
export function certifiedBy(subject: string | undefined): Certified {
  // Without any name at all: nobody's rules are about it.
  const parts = (subject ?? '').split('\n').reverse()
  const name = parts.map(part => part.split(' + ').join('+')).join(',')
  return { name, isBroker: parts.includes(`OU=${brokersUnit}`) }
}
