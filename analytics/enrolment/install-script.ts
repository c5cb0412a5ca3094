// The script that puts an agent on a host, as this appliance serves it: with its own address and the checksums of the
// agents it hands out written in, so that the checksum of the script vouches for them too.
import { readFileSync } from 'node:fs'
import type { AgentPackage } from './packages.ts'

const template = new URL('./install.sh', import.meta.url)

export function installScript(origin: string, packages: readonly AgentPackage[]): string {
  const rows = packages.map(({ platform, file, sha256 }) => `${platform} ${sha256} ${file}`).join('\n')
  return readFileSync(template, 'utf8').replaceAll('@ORIGIN@', origin).replaceAll('@PACKAGES@', rows)
}
