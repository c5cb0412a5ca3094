// Writes numbered access lines to one file, steadily, and knows how many of each path there are. Touches that file.
import { appendFileSync } from 'node:fs'

const pathsOfFile = 20
const linesAtOnce = 25
const everyMs = 25

export class NumberedLines {
  readonly written = new Map<string, number>()
  readonly #file: string
  readonly #name: string
  readonly #timer: NodeJS.Timeout
  #next = 0

  constructor(file: string, name: string) {
    this.#file = file
    this.#name = name
    this.#write()
    this.#timer = setInterval(() => this.#write(), everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  get total(): number {
    return this.#next
  }

  #write(): void {
    const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date().toUTCString())!
    let text = ''
    for (let line = 0; line < linesAtOnce; line++) {
      const number = this.#next++
      const path = `/${this.#name}/${number % pathsOfFile}`
      const request = `"GET ${path}?n=${number} HTTP/1.1" 200 5 "-" "w"`
      text += `203.0.113.7 - - [${day}/${month}/${year}:${time} +0000] ${request}\n`
      this.written.set(path, (this.written.get(path) ?? 0) + 1)
    }
    appendFileSync(this.#file, text)
  }
}
