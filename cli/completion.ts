// Completion scripts for bash, zsh and fish, written from the command tree: after some words, which words may follow.
// Where none fits the shell offers files, for flags that take one. Pure.
import type { TreeCommand } from './command-tree.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

export function completionScript(shell: Shell, tree: readonly TreeCommand[]): string {
  if (shell === 'bash') return bashScript(tree)
  return shell === 'zsh' ? zshScript(tree) : fishScript(tree)
}

function wordsOf({ commands, flags }: TreeCommand): string {
  return [...commands.map(({ name }) => name), ...flags.map(({ long }) => long)].join(' ')
}

/** Common to bash and zsh: `path` grows by each word that names a command below it. */
function pathCases(tree: readonly TreeCommand[]): string {
  const paths = tree.flatMap(({ path }) => (path === '' ? [] : [`" ${path}"`]))
  return `      ${paths.join('|')}) path="$path $word" ;;`
}

function wordCases(tree: readonly TreeCommand[]): string {
  return tree
    .map(command => `    "${command.path === '' ? '' : ` ${command.path}`}") words="${wordsOf(command)}" ;;`)
    .join('\n')
}

/** After a flag of few values, those. */
function choiceCases(tree: readonly TreeCommand[]): string {
  const seen = new Map<string, string>()
  for (const { path, flags } of tree) {
    for (const { long, choices } of flags) {
      if (choices.length > 0) seen.set(`"${path === '' ? '' : ` ${path}`} ${long}"`, choices.join(' '))
    }
  }
  return [...seen].map(([key, words]) => `    ${key}) words="${words}" ;;`).join('\n')
}

function bashScript(tree: readonly TreeCommand[]): string {
  return `# tailrace completion bash: put this into ~/.local/share/bash-completion/completions/tailrace,
# or try it at once: source <(tailrace completion bash)
_tailrace() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
${pathCases(tree)}
    esac
  done
  case "$path" in
${wordCases(tree)}
  esac
  case "$path $previous" in
${choiceCases(tree)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tailrace tailrace
`
}

function zshScript(tree: readonly TreeCommand[]): string {
  return `#compdef tailrace
# tailrace completion zsh: put this into a directory of $fpath as _tailrace
_tailrace() {
  local path_ignored word previous="$words[CURRENT-1]" path="" found=""
  local -a typed
  typed=("\${(@)words[2,CURRENT-1]}")
  for word in "\${typed[@]}"; do
    case "$path $word" in
${pathCases(tree)}
    esac
  done
  case "$path" in
${wordCases(tree).replaceAll('words=', 'found=')}
  esac
  case "$path $previous" in
${choiceCases(tree).replaceAll('words=', 'found=')}
  esac
  compadd -- \${=found} || _files
}
if [ "$funcstack[1]" = "_tailrace" ]; then _tailrace "$@"; else compdef _tailrace tailrace; fi
`
    .replace('local path_ignored word', 'local word')
    .replaceAll('path="', 'place="')
    .replaceAll('$path ', '$place ')
    .replaceAll('"$path"', '"$place"')
}

function fishScript(tree: readonly TreeCommand[]): string {
  const lines = tree.flatMap(({ path, commands, flags }) => {
    const condition = `-n '__tailrace_at "${path}"'`
    return [
      ...commands.map(({ name, description }) => {
        return `complete -c tailrace ${condition} -f -a ${name} -d ${fishText(description)}`
      }),
      ...flags.map(({ long, short, description, takesValue, choices }) => {
        const letters = short ? ` -s ${short.slice(1)}` : ''
        const values = choices.length > 0 ? ` -x -a '${choices.join(' ')}'` : takesValue ? ' -r' : ''
        return `complete -c tailrace ${condition} -l ${long.slice(2)}${letters}${values} -d ${fishText(description)}`
      }),
    ]
  })
  const paths = tree.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`]))
  return `# tailrace completion fish: put this into ~/.config/fish/completions/tailrace.fish
set -g __tailrace_paths ${paths.join(' ')}
function __tailrace_at
  set -l place ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$place $word")
    contains -- "$next" $__tailrace_paths; and set place "$next"
  end
  test "$place" = "$argv[1]"
end
${lines.join('\n')}
`
}

function fishText(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`
}
