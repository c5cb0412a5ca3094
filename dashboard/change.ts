// How much a short past has moved: its newest quarter against its oldest, in words of a few characters. Pure.

/** Of either quarter; fewer say nothing. */
const knownMin = 10
const percent = 100
/** From here on a factor is easier to read than a percentage. */
const factorMin = 10

/** The newest quarter's mean as a multiple of the oldest's; null where one is not known or nothing was there. */
export function changeOf(values: readonly number[]): number | null {
  const quarter = Math.floor(values.length / 4)
  const before = mean(values.slice(0, quarter))
  const now = mean(values.slice(-quarter))
  return before === null || now === null || before <= 0 ? null : now / before
}

/** As `+12 %`, `−8 %`, `±0 %` or `×14`; empty where it is not known. */
export function changeWords(change: number | null): string {
  if (change === null) return ''
  if (change >= factorMin) return `×${Math.round(change)}`
  const points = Math.round((change - 1) * percent)
  if (points === 0) return '±0 %'
  return points > 0 ? `+${points} %` : `−${-points} %`
}

function mean(values: readonly number[]): number | null {
  const known = values.filter(value => !Number.isNaN(value))
  return known.length < knownMin ? null : known.reduce((sum, value) => sum + value, 0) / known.length
}
