// Waiting for what is told to nobody: it is asked again and again until it is so. The deadline is for what hangs, and
// says what was seen last; a machine that is only slow, or busy with something else, must not reach it.

const askEveryMs = 50
const patienceMs = 60_000

/** Resolves with the first answer that is accepted. A failure to ask is an answer that is not. */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer>,
  accept: (answer: Answer) => boolean,
  timeoutMs = patienceMs,
): Promise<Answer> {
  const deadlineMs = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < deadlineMs) {
    try {
      const answer = await ask()
      if (accept(answer)) return answer
      last = answer
    } catch (error) {
      last = error
    }
    await new Promise(resolve => setTimeout(resolve, askEveryMs))
  }
  throw new Error(`${what} did not come true within ${timeoutMs} ms; last seen: ${describe(last)}`)
}

export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = patienceMs,
): Promise<void> {
  await eventually(what, async () => holds(), Boolean, timeoutMs)
}

function describe(value: unknown): string {
  return value instanceof Error ? value.message : String(JSON.stringify(value)).slice(0, 2_000)
}
