// A client's address as it may be kept: the network it is in, not the machine. Pure.

/** 203.0.113.0/24, 2001:db8:1::/48; what is no address (a name a server looked up) stays as it is. */
export function truncatedAddress(address: string): string {
  const v4 = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/i.exec(address)
  if (v4) return `${v4[1]}.0/24`
  if (!address.includes(':') || !/^[0-9a-f:.]{2,45}(%.*)?$/i.test(address)) return address
  const groups = address.split('%', 1)[0]!.toLowerCase().split(':')
  const gap = groups.indexOf('')
  const head = gap < 0 ? groups : groups.slice(0, gap)
  const tail = gap < 0 ? [] : groups.slice(gap).filter(group => group !== '')
  const zeros = Math.max(8 - head.length - tail.length, 0)
  const all = [...head, ...new Array<string>(zeros).fill('0'), ...tail]
  const network = all.slice(0, 3).map(group => group.replace(/^0+(?=.)/, ''))
  return `${network.join(':').replace(/(:0)+$/, '')}::/48`
}
