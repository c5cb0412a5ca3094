// A list of wishes that only the controller can grant: each is refused where it is refused, the others are served here
// or handed to the controller in one request, and the answers come back in the order of the wishes.
import type { Outcome } from '../controller/controller.ts'

interface Rules<Wish, Row> {
  /** Why this broker refuses the wish already, or null. */
  readonly refusalOf: (wish: Wish) => Outcome | null
  readonly serve: (wish: Wish) => Promise<Row>
  readonly refuse: (wish: Wish, outcome: Outcome) => Row
  /** Null when the controller could not be reached. */
  readonly forward: (wishes: readonly Wish[]) => Promise<readonly Row[] | null>
  readonly isController: boolean
  readonly mayForward: boolean
}

const away: Outcome = { error: 'notController', message: 'The controller cannot be reached.' }

export async function throughController<Wish, Row>(
  wishes: readonly Wish[],
  rules: Rules<Wish, Row>,
): Promise<Row[]> {
  const { refusalOf, serve, refuse, forward, isController, mayForward } = rules
  const refusals = wishes.map(refusalOf)
  const granted = wishes.filter((_, at) => refusals[at] === null)
  const rows: Row[] = []
  if (isController) for (const wish of granted) rows.push(await serve(wish))
  else {
    const answered = mayForward && granted.length > 0 ? await forward(granted) : null
    rows.push(...granted.map((wish, at) => answered?.[at] ?? refuse(wish, away)))
  }
  return wishes.map((wish, at) => {
    const refusal = refusals[at]
    return refusal ? refuse(wish, refusal) : rows.shift()!
  })
}
