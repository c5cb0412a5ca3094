// Which of the six series colours a name wears. The name decides, not its rank, so a list that reorders does not
// recolour; two names on screen never share one, and a seventh is grey. Pure.

/** The theme defines `--series-0` … `--series-5`, and `--series-other` for the rest. */
export const seriesColours = 6

/**
 * The colours for the names now shown, given those shown before. A name keeps its colour while it stays; a new one
 * takes the colour its hash prefers, or the next free one, or none (-1).
 */
export function assignColours(
  previous: ReadonlyMap<string, number>,
  names: readonly string[],
): ReadonlyMap<string, number> {
  const colours = new Map<string, number>()
  const taken = new Set<number>()
  for (const name of names) {
    const colour = previous.get(name)
    if (colour === undefined || colour < 0) continue
    colours.set(name, colour)
    taken.add(colour)
  }
  for (const name of names) {
    if (colours.has(name)) continue
    const colour = freeFrom(hashOf(name) % seriesColours, taken)
    colours.set(name, colour)
    if (colour >= 0) taken.add(colour)
  }
  return colours
}

export function colourVariable(colour: number | undefined): string {
  return colour === undefined || colour < 0 ? 'var(--series-other)' : `var(--series-${colour})`
}

/** FNV-1a over UTF-16 units: stable across reloads, browsers and machines. */
export function hashOf(name: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < name.length; index += 1) {
    hash ^= name.charCodeAt(index)
    hash = Math.imul(hash, 0x01000193)
  }
  return hash >>> 0
}

function freeFrom(preferred: number, taken: ReadonlySet<number>): number {
  for (let step = 0; step < seriesColours; step += 1) {
    const colour = (preferred + step) % seriesColours
    if (!taken.has(colour)) return colour
  }
  return -1
}
