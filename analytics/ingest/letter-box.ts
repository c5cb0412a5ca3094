// Records that could not be counted, gathered until the commit that passes them. Bounded in number and bytes: what does
// not fit is in the ledger alone, as every one of them is. Copies what it keeps; no I/O.
import type { PartitionFold } from '../fold/fold-state.ts'
import type { DeadLetter } from '../store/dead-letters.ts'

const lettersMax = 500
const bytesMax = 4 * 2 ** 20
/** A broker takes records of a megabyte; a longer one is cut, and says so. */
export const valueBytesMax = 900_000

export class LetterBox {
  letters: DeadLetter[] = []
  #bytes = 0

  put(
    { id }: PartitionFold,
    offset: number,
    reason: string,
    at: number,
    key: Buffer | null,
    value: Buffer | null,
  ): void {
    const kept = value && Buffer.from(value.subarray(0, valueBytesMax))
    const bytes = (kept?.length ?? 0) + (key?.length ?? 0)
    if (this.letters.length >= lettersMax || this.#bytes + bytes > bytesMax) return
    this.#bytes += bytes
    const isCut = kept !== null && kept.length < value!.length
    this.letters.push({
      source: id,
      offset,
      reason: isCut ? `${reason}, cut` : reason,
      at,
      key: key && Buffer.from(key),
      value: kept,
    })
  }

  clear(): void {
    this.letters = []
    this.#bytes = 0
  }
}
