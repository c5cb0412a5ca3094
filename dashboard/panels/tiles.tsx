// The rows of numbers one looks at first, in the order of the questions: is data flowing, what do users do, is the
// machine well. Each leads to the page that explains it. A tile keeps its last value while the page is cut off, dimmed
// and with its age; it is never blank and never a zero it does not know.
import { Link } from 'wouter'
import { unknown } from '../format.ts'
import { Shape } from '../icons.tsx'
import { useLive } from '../page-context.ts'
import { ageOf } from '../words.ts'
import { HostileText } from './hostile-text.tsx'
import { Sparkline } from './sparkline.tsx'
import { type TileFacts, useTileFacts } from './tiles-facts.ts'
import { type TileSpec, tileGroups } from './tiles-specs.ts'

export function Tiles() {
  const facts = useTileFacts()
  return (
    <section id="overview" className="tile-groups" aria-label="Now">
      {tileGroups.map(({ title, tiles }) => (
        <section key={title} className="tile-group" aria-label={title}>
          <h2 className="tile-question">{title}</h2>
          <div className="tiles" data-count={tiles.length}>
            {tiles.map(tile => (
              <Tile key={tile.id} tile={tile} facts={facts} />
            ))}
          </div>
        </section>
      ))}
    </section>
  )
}

function Tile({ tile, facts }: { readonly tile: TileSpec; readonly facts: TileFacts }) {
  const seq = useLive(state => state.seqs['overview'])
  const age = useLive(ageOf)
  const quantity = tile.value(facts)
  const isKnown = quantity !== null
  const { value, unit } = quantity ?? unknown
  const note = tile.note(facts)
  return (
    <article
      className="tile"
      id={`tile-${tile.id}`}
      data-state={!isKnown ? 'loading' : age === null ? 'live' : 'stale'}
      data-seq={seq}
    >
      <h3 className="tile-title">
        <Link className="tile-link" href={tile.href} title={tile.exact?.(facts) ?? undefined}>
          {tile.title}
        </Link>
      </h3>
      <p className="tile-value" title={tile.exact?.(facts) ?? undefined}>
        <span className="tile-number">{value}</span>{' '}
        {unit !== '' && <span className="tile-unit">{unit}</span>}
      </p>
      <p className="tile-note" data-tone={age === null ? note.tone : undefined}>
        {age === null && note.shape && <Shape name={note.shape} />}
        {age === null ? <HostileText text={note.text} limit={60} /> : `${age} old`}
      </p>
      {tile.spark && <Sparkline source={tile.spark} />}
    </article>
  )
}
