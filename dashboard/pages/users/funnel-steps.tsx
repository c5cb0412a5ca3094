// How many visitors came to each step of a funnel, as bars that are a table.
import type { FunnelAnswer } from '../../../analytics/http/contract-visits.ts'
import { formatCount, formatDuration, formatExact, formatRatio, inWords } from '../../format.ts'
import { HostileText } from '../../panels/hostile-text.tsx'

export function FunnelSteps({ answer }: { readonly answer: Pick<FunnelAnswer, 'steps'> }) {
  const first = answer.steps[0]?.visitors ?? 0
  return (
    <table className="funnel-steps">
      <thead>
        <tr>
          <th scope="col">Step</th>
          <th scope="col" className="number">
            Visitors
          </th>
          <th scope="col" className="number">
            Of first
          </th>
          <th scope="col" className="number">
            Of previous
          </th>
          <th scope="col" className="number">
            Median time
          </th>
        </tr>
      </thead>
      <tbody>
        {answer.steps.map(({ step, visitors, ofFirst, ofPrevious, medianFromPreviousMs }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same step may come twice.
          <tr key={at} data-visitors={visitors}>
            <th scope="row">
              <span
                className="bar-fill"
                style={{ transform: `scaleX(${first > 0 ? visitors / first : 0})` }}
                aria-hidden="true"
              />
              <span className="value">
                <HostileText text={step} limit={120} />
              </span>
            </th>
            <td className="number" title={formatExact(visitors)}>
              {formatCount(visitors)}
            </td>
            <td className="number">{ofFirst === null ? '–' : inWords(formatRatio(ofFirst))}</td>
            <td className="number">
              {ofPrevious === null || at === 0 ? '–' : inWords(formatRatio(ofPrevious))}
            </td>
            <td className="number muted">
              {medianFromPreviousMs === null ? '–' : inWords(formatDuration(medianFromPreviousMs))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
