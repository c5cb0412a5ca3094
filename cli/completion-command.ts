// `tailrace completion` and `tailrace version`: what is known of the command itself.
import type { Command } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { writeAnswer } from './answer.ts'
import { commandTree } from './command-tree.ts'
import { completionScript, shells } from './completion.ts'
import { oneOf } from './record-client.ts'

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .argument('<shell>', shells.join(', '))
    .description('a script that completes commands and flags')
    .action((shell: string) => {
      process.stdout.write(completionScript(oneOf('The shell', shell, shells), commandTree(program)))
    })
  program
    .command('version')
    .description('which version this is, and of Node; with --json the formats on disk that it reads')
    .option('--json', 'one JSON object on standard output')
    .action(async (flags: { readonly json?: boolean }) => {
      const { formats } = await import('./formats.ts')
      const versions = { tailrace: packageJson.version, node: process.versions.node, formats }
      const text = `tailrace ${versions.tailrace}, Node ${versions.node}\n`
      writeAnswer(flags, versions, text)
    })
}
