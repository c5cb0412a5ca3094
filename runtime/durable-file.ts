// Files that survive a power cut: a small one replaced as a whole, the old one or the new one is there, and the new one
// once this has returned; any path synced; what a file holds as a checksum. Blocks until the disk is done.
import { createHash } from 'node:crypto'
import { chmodSync, closeSync, fsyncSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs'
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
  syncPath(dirname(path))
}

/** A file's bytes, or a directory's names, are on the disk once this has returned. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const blockBytes = 1024 * 1024

/** SHA-256 in hexadecimal digits, of a file of any size. */
export function sha256Of(path: string): string {
  const sum = createHash('sha256')
  const block = Buffer.allocUnsafe(blockBytes)
  const file = openSync(path, 'r')
  try {
    for (let read = readSync(file, block); read > 0; read = readSync(file, block)) {
      sum.update(block.subarray(0, read))
    }
  } finally {
    closeSync(file)
  }
  return sum.digest('hex')
}
