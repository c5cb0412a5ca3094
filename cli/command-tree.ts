// The command line as data: every command with its flags, from the very commands that are run, so that completion and
// suggestions know what there is and nothing else. Pure.
import type { Command, Option } from 'commander'

export interface TreeCommand {
  /** `topics create`; empty for `tailrace` itself. */
  readonly path: string
  readonly description: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly flags: readonly TreeFlag[]
}

export interface TreeFlag {
  readonly long: string
  readonly short: string | null
  readonly description: string
  readonly takesValue: boolean
  readonly choices: readonly string[]
}

export function commandTree(command: Command, path: readonly string[] = []): TreeCommand[] {
  const commands = command.commands
  const own: TreeCommand = {
    path: path.join(' '),
    description: command.description(),
    commands: commands.map(sub => ({ name: sub.name(), description: sub.description() })),
    flags: [...command.options.filter(option => !option.hidden && option.long).map(flagOf), helpFlag],
  }
  return [own, ...commands.flatMap(sub => commandTree(sub, [...path, sub.name()]))]
}

const helpFlag: TreeFlag = {
  ...{ long: '--help', short: '-h', description: 'what this command does' },
  ...{ takesValue: false, choices: [] },
}

function flagOf({ long, short, description, required, optional, argChoices }: Option): TreeFlag {
  return {
    long: long!,
    short: short ?? null,
    description,
    takesValue: required || optional,
    choices: argChoices ?? [],
  }
}

/** The deepest command that these words name, and so the one that a slip was meant for. */
export function commandAt(tree: readonly TreeCommand[], words: readonly string[]): TreeCommand {
  let found = tree[0]!
  for (const word of words) {
    const path = found.path === '' ? word : `${found.path} ${word}`
    found = tree.find(command => command.path === path) ?? found
  }
  return found
}
