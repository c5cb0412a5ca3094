// Whose a data directory is, by meta.properties: written at first use, compared ever after. Touches that file only.
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { newerFormatText } from '../../runtime/newer-format.ts'
import {
  directoryFiles,
  formatMetaProperties,
  logFormat,
  metaPropertiesVersion,
  parseMetaProperties,
} from './checkpoints.ts'
import { type Disk, readFile, replaceFile } from './disk.ts'

/** The directory cannot be used, and the message says why: in use, another cluster's, or not readable. */
export class LogDirectoryError extends Error {
  override readonly name = 'LogDirectoryError'
}

/** Its id, minted at first use. Throws when it belongs to another node or cluster. */
export function identifyDirectory(disk: Disk, directory: string, clusterId: string, nodeId: number): string {
  const path = `${directory}/${directoryFiles.metaProperties}`
  const bytes = readFile(disk, path)
  if (bytes) {
    const version = metaPropertiesVersion(bytes)
    if (version > logFormat)
      throw new LogDirectoryError(`Cannot open "${directory}": ${newerFormatText(version, logFormat)}`)
    const found = parseMetaProperties(bytes, path)
    if (found.clusterId === clusterId && found.nodeId === nodeId) return found.directoryId
    const owner = `node ${found.nodeId} of cluster ${found.clusterId}`
    throw new LogDirectoryError(
      `Cannot open "${directory}": it belongs to ${owner}, not to node ${nodeId} of ${clusterId}`,
    )
  }
  // First use: the directory's own name must be as durable as what is put into it.
  disk.syncDirectory(dirname(directory))
  const directoryId = randomBytes(16).toString('base64url')
  replaceFile(disk, path, formatMetaProperties({ clusterId, nodeId, directoryId }))
  return directoryId
}
