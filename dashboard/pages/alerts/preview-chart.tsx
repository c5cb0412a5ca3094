// A rule's past as a small drawing: the statistic in steps of its window, the threshold, and the stretches during which
// it would have fired. The same as a table for whoever cannot see it.
import type { SeriesAnswer } from '../../../analytics/http/contract.ts'
import type { AlertPreview, AlertRule } from '../../../analytics/http/contract-alerts.ts'
import { apiPath, useApi } from '../../api.ts'
import {
  counted,
  formatDateTime,
  formatDuration,
  formatRate,
  inWords,
  niceCeiling,
  type Zone,
} from '../../format.ts'
import { useLive } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { firedSpans, stepOf } from './rule-form.ts'

const width = 600
const height = 90
const listed = 100

export function PreviewChart({
  rule,
  preview,
}: {
  readonly rule: AlertRule
  readonly preview: AlertPreview
}) {
  const { zone } = useLive(state => state.settings)
  const { from, to, episodes } = preview
  const { data } = useApi<SeriesAnswer>(
    apiPath(`/series/${encodeURIComponent(rule.metric)}`, {
      ...{ from: new Date(from).toISOString(), to: new Date(to).toISOString() },
      ...{ step: stepOf(rule.window ?? '5m'), filter: rule.filter ?? [] },
    }),
  )
  const values = valuesOf(data, rule.value)
  const limit = rule.kind === 'threshold' ? rule.threshold! : null
  const top = niceCeiling(Math.max(limit ?? 0, ...values.map(value => value ?? 0)) || 1)
  const y = (value: number) => height - 4 - (Math.max(0, value) / top) * (height - 12)
  const words =
    episodes.length === 0
      ? 'It would not have fired.'
      : `It would have fired ${episodes.length === 1 ? 'once' : counted(episodes.length, 'time')}.`
  return (
    <figure className="preview-figure" data-episodes={episodes.length}>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {firedSpans(preview).map(([start, end]) => (
          <rect
            key={start}
            className="fired"
            x={start * width}
            width={Math.max(2, (end - start) * width)}
            height={height}
          />
        ))}
        <path className="series" d={pathOf(values, y)} />
        {limit !== null && <path className="limit" d={`M0 ${y(limit)}H${width}`} />}
      </svg>
      <p className="preview-scale muted">
        <span>{formatDateTime(from, zone)}</span>
        <span>
          top {formatRate(top)}
          {limit !== null && `, dashed ${formatRate(limit)}`}
        </span>
        <span>{formatDateTime(to, zone)}</span>
      </p>
      <figcaption>
        <strong>{words}</strong> Judged {counted(preview.evaluations, 'time')}, {preview.stepSeconds} s apart
        {preview.truncated && '; there was no time to judge it all'}.
      </figcaption>
      {episodes.length > 0 && <Episodes episodes={episodes} zone={zone} />}
    </figure>
  )
}

/** The windows in which it would have fired, the newest first. */
function Episodes({ episodes, zone }: { readonly episodes: AlertPreview['episodes']; readonly zone: Zone }) {
  const shown = episodes.toReversed().slice(0, listed)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
    <section className="preview-episodes" tabIndex={0} aria-label="When it would have fired">
      <table>
        <thead>
          <tr>
            <th scope="col">Fired</th>
            <th scope="col">Until</th>
            <th scope="col">For</th>
            <th scope="col">Value</th>
            <th scope="col">Of</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ firedAt, resolvedAt, value, labels }) => (
            <tr key={`${firedAt} ${JSON.stringify(labels)}`}>
              <th scope="row">{formatDateTime(firedAt, zone)}</th>
              <td>{resolvedAt === null ? 'still fires' : formatDateTime(resolvedAt, zone)}</td>
              <td>{resolvedAt === null ? '–' : inWords(formatDuration(resolvedAt - firedAt))}</td>
              <td>{value === null ? 'no data' : formatRate(value)}</td>
              <td>
                <HostileText text={labelText(labels)} limit={120} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {episodes.length > listed && (
        <p className="muted">and {counted(episodes.length - listed, 'earlier one')}</p>
      )}
    </section>
  )
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const texts = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  return texts.length === 0 ? 'all' : texts.join(' ')
}

function valuesOf(data: SeriesAnswer | undefined, name: string | undefined): readonly (number | null)[] {
  const values = data?.series[0]?.values ?? {}
  return values[name ?? 'value'] ?? Object.values(values)[0] ?? []
}

function pathOf(values: readonly (number | null)[], y: (value: number) => number): string {
  let path = ''
  let isDown = false
  for (const [at, value] of values.entries()) {
    if (value === null) {
      isDown = false
      continue
    }
    const x = values.length === 1 ? width / 2 : (at / (values.length - 1)) * width
    path += `${isDown ? 'L' : 'M'}${x.toFixed(1)} ${y(value).toFixed(1)}`
    isDown = true
  }
  return path
}
