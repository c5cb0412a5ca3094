// A small file replaced as a whole: the old one or the new one is there, also after a power cut, and the new one once
// this has returned. For secrets and identities; blocks until the disk has it.
import { chmodSync, closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Throws what the file system throws. `mode` is the file's, whatever was there before. */
export function writeDurably(path: string, text: string, mode: number): void {
  const temporary = `${path}.tmp`
  const file = openSync(temporary, 'w', mode)
  try {
    // One that was left behind keeps its own mode.
    chmodSync(temporary, mode)
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  const directory = openSync(dirname(path), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
