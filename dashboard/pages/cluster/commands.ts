// The command that does the same as a dialog: every action of the page has one, and it is shown before it runs. Words
// are quoted as a POSIX shell wants them. Pure.

/** Whatever stands in it stays one word of a shell. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) && !word.startsWith('-') ? word : `'${word.replaceAll("'", "'\\''")}'`
}

const command = (...words: readonly string[]) => `tailrace ${words.join(' ')}`
const settings = (flag: string, configs: Readonly<Record<string, string>>) =>
  Object.entries(configs).map(([name, value]) => `${flag} ${shellWord(`${name}=${value}`)}`)

export interface TopicDraft {
  readonly topic: string
  readonly partitions?: number | undefined
  readonly replicas?: number | undefined
  readonly configs: Readonly<Record<string, string>>
}

export function createTopicCommand({ topic, partitions, replicas, configs }: TopicDraft): string {
  return command(
    ...['topics', 'create', shellWord(topic)],
    ...(partitions === undefined ? [] : [`--partitions ${partitions}`]),
    ...(replicas === undefined ? [] : [`--replicas ${replicas}`]),
    ...settings('--set', configs),
  )
}

export function alterTopicCommand(
  topic: string,
  set: Readonly<Record<string, string>>,
  remove: readonly string[],
): string {
  const removed = remove.map(name => `--unset ${shellWord(name)}`)
  return command('topics', 'alter', shellWord(topic), ...settings('--set', set), ...removed)
}

export function addPartitionsCommand(topic: string, count: number): string {
  return command('topics', 'alter', shellWord(topic), `--partitions ${count}`)
}

export function deleteRecordsCommand(topic: string, partition: number, before: string): string {
  return command('topics', 'delete-records', shellWord(topic), `--partition ${partition} --before ${before}`)
}

export function deleteTopicCommand(topic: string): string {
  return command('topics', 'delete', shellWord(topic))
}

export const electCommand = command('cluster', 'elect-preferred')

export type ResetTo = 'earliest' | 'latest' | { readonly offset: string } | { readonly time: string }

export function resetGroupCommand(group: string, topic: string, to: ResetTo): string {
  const target =
    typeof to === 'string'
      ? `--to-${to}`
      : 'offset' in to
        ? `--to-offset ${to.offset}`
        : `--to-time ${shellWord(to.time)}`
  const only = topic === '' ? [] : [`--topic ${shellWord(topic)}`]
  return command('groups', 'reset', shellWord(group), ...only, target)
}

/** What a reset does to one partition: offsets may be beyond what a number holds exactly. */
export function movedWords(from: string | null, to: string): string {
  if (from === null) return 'set'
  const by = BigInt(to) - BigInt(from)
  if (by === 0n) return 'stays'
  return by < 0n ? `read again ${-by}` : `skip ${by}`
}

export function deleteGroupCommand(group: string): string {
  return command('groups', 'delete', shellWord(group))
}

export function addAgentCommand(name: string, expires: string): string {
  return command(
    'agents',
    'add',
    ...(name === '' ? [] : [`--name ${shellWord(name)}`]),
    `--expires ${expires}`,
  )
}

export function removeAgentCommand(name: string): string {
  return command('agents', 'remove', shellWord(name))
}
