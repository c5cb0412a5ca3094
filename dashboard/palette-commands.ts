// What the palette offers: pages, topics, statistics and actions, as one list; and which of them what was typed means,
// the nearest first. Pure.

export interface Command {
  /** Unique. */
  readonly id: string
  readonly kind: 'Page' | 'Topic' | 'Statistic' | 'Action'
  readonly label: string
  /** What else it may be found by. */
  readonly words: string
  /** A key that does the same. */
  readonly key?: string
  readonly run: () => void
}

const shownMax = 12

/** Every word typed occurs; what begins with them comes before what holds them, and a label before other words. */
export function foundCommands(commands: readonly Command[], typed: string): readonly Command[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return commands.filter(({ kind }) => kind === 'Page' || kind === 'Action')
  return commands
    .map((command, place) => ({ command, place, rank: rankOf(command, words) }))
    .filter(({ rank }) => rank < unfound)
    .sort((a, b) => a.rank - b.rank || a.place - b.place)
    .slice(0, shownMax)
    .map(({ command }) => command)
}

const unfound = 4

function rankOf({ label, words: others }: Command, typed: readonly string[]): number {
  const name = label.toLowerCase()
  const all = `${name} ${others.toLowerCase()}`
  if (!typed.every(word => all.includes(word))) return unfound
  const [first = ''] = typed
  if (name.startsWith(first)) return 0
  if (name.split(/[^\p{L}\p{N}]+/u).some(part => part.startsWith(first))) return 1
  return name.includes(first) ? 2 : 3
}
