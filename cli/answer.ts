// What a command answers on standard output: one JSON object for programs, or words for eyes, in which nothing that
// came from outside steers the terminal.
import { visible } from './visible.ts'

export function writeAnswer({ json }: { readonly json?: boolean }, answer: object, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(answer)}\n` : visible(text))
}
