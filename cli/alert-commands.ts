// `tailrace alerts`: what fires and has fired, the rules there are, what a rule would have done, whether a receiver can
// be reached. Over HTTP with the admin's token.
import type { Command } from 'commander'
import type { AlertPreview, AlertRulesAnswer, AlertsAnswer } from '../analytics/http/contract-alerts.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { writeAnswer } from './answer.ts'
import { callServer } from './login-link.ts'

export interface ServerPlace {
  readonly origin: string
  readonly tokenPath: string
}

/** A preview takes seconds, and so may a receiver. */
const waitMs = 20_000

interface AlertFlags {
  readonly json?: boolean
  readonly from?: string
  readonly to?: string
}

export function addAlertCommands(
  alerts: Command,
  withShared: (command: Command) => Command,
  serverOf: (flags: object) => ServerPlace,
): void {
  const path = '/api/v1/alerts'
  withShared(alerts.command('list'))
    .description('what fires, what has fired, and the rules; exit code 10 while something fires')
    .option('--json', 'one JSON object on standard output')
    .action(async (flags: AlertFlags) => {
      const { origin, tokenPath } = serverOf(flags)
      const read = (where: string) => callServer(origin, tokenPath, where, 'GET')
      const answer = (await read(`${path}?limit=20`)) as AlertsAnswer
      const { rules } = (await read(`${path}/rules`)) as AlertRulesAnswer
      writeAnswer(flags, { ...answer, rules }, listText(answer, rules))
      if (answer.firing.length > 0) process.exitCode = exitCodes.unhealthy
    })
  withShared(alerts.command('test'))
    .argument('<rule or URL>', 'id or name of a rule, or the URL of a webhook')
    .description('what a rule would have done in the past; or, of a URL, whether it takes a notification')
    .option('--from <time>', 'where to begin: now-1d, 2026-11-24T08:00:00Z', 'now-1d')
    .option('--to <time>', 'where to end', 'now')
    .option('--json', 'one JSON object on standard output')
    .action(async (target: string, flags: AlertFlags) => {
      const { origin, tokenPath } = serverOf(flags)
      const call = (where: string, body: unknown) =>
        callServer(origin, tokenPath, where, 'POST', body, waitMs)
      if (/^https?:\/\//.test(target)) {
        const told = (await call(`${path}/test`, { url: target })) as {
          delivered: boolean
          error: string | null
        }
        if (!told.delivered) throw new ExitError(exitCodes.failed, `${target}: ${told.error}`)
        const { secret } = (await call(`${path}/secret`, { url: target })) as { secret: string }
        const said = { ...told, secret }
        writeAnswer(flags, said, `delivered; its secret is ${secret}\n`)
        return
      }
      const { rules } = (await callServer(origin, tokenPath, `${path}/rules`, 'GET')) as AlertRulesAnswer
      const known = rules.find(({ id, rule }) => id === target || rule.name === target)
      if (!known)
        throw new ExitError(exitCodes.failed, `There is no rule "${target}"; see: tailrace alerts list`)
      const { from, to } = flags
      const seen = (await call(`${path}/preview`, { rule: known.rule, from, to })) as AlertPreview
      writeAnswer(flags, seen, previewText(seen))
    })
}

export function listText(
  { firing, pending, history, deliveries }: AlertsAnswer,
  rules: AlertRulesAnswer['rules'],
): string {
  const lines = [
    ...firing.map(
      alert =>
        `firing    ${alert.ruleName}${labelText(alert.labels)}, ${alert.value}, since ${time(alert.startedAt)}`,
    ),
    ...pending.map(
      alert =>
        `pending   ${alert.ruleName}${labelText(alert.labels)}, ${alert.value}, since ${time(alert.startedAt)}`,
    ),
    ...history.map(
      ({ ruleName, labels, firedAt, resolvedAt }) =>
        `episode   ${ruleName}${labelText(labels)}, ${time(firedAt)} to ${endText(resolvedAt, 'now')}`,
    ),
    ...rules.map(
      ({ id, source, rule, error }) =>
        `rule      ${id} "${rule.name}" (${source})${error === null ? '' : `: ${error}`}`,
    ),
  ]
  if (deliveries.failing > 0)
    lines.push(`wrong     ${deliveries.failing} notifications wait: ${deliveries.lastError}`)
  return `${lines.length === 0 ? 'no rules' : lines.join('\n')}\n`
}

export function previewText({ episodes, from, to, stepSeconds, truncated }: AlertPreview): string {
  const lines = episodes.map(
    ({ labels, value, firedAt, resolvedAt }) =>
      `would have fired${labelText(labels)} at ${time(firedAt)} with ${value}, until ${endText(resolvedAt, 'the end')}`,
  )
  const end = truncated ? ', which is as far as the time allowed' : ''
  const span = `from ${time(from)} to ${time(to)}, judged every ${stepSeconds} s${end}`
  return `${[...lines, `${episodes.length} episodes ${span}`].join('\n')}\n`
}

function endText(atMs: number | null, otherwise: string): string {
  return atMs === null ? otherwise : time(atMs)
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return pairs.length === 0 ? '' : ` {${pairs.join(', ')}}`
}

function time(atMs: number): string {
  return new Date(atMs).toISOString().replace('.000Z', 'Z')
}
