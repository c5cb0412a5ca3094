// The first and the last moment at which a partition's directory holds no log yet: its name and topic id are made
// durable before any record, and what a creation that was cut short has left is removed. Touches that directory only.
import {
  CheckpointError,
  formatPartitionMetadata,
  parsePartitionMetadata,
  partitionFiles,
} from './checkpoints.ts'
import { type Disk, readFile, writeFully } from './disk.ts'

/** A directory with the topic's id in it. One that failed may be tried again. */
export function bearPartition(disk: Disk, directory: string, topicId: string): void {
  disk.makeDirectory(directory)
  const fd = disk.open(`${directory}/${partitionFiles.metadata}`, 'create')
  try {
    writeFully(disk, fd, formatPartitionMetadata(topicId), 0)
    disk.sync(fd)
  } finally {
    disk.close(fd)
  }
}

/** Whether a creation was cut short here, before any record: then nothing is left of it. */
export function discardUnborn(disk: Disk, directory: string): boolean {
  if (isIdentified(disk, `${directory}/${partitionFiles.metadata}`)) return false
  const files = disk.list(directory).filter(file => file.endsWith('.log'))
  if (files.some(file => disk.status(`${directory}/${file}`)!.sizeBytes > 0)) return false
  disk.removeDirectory(directory)
  return true
}

/** A write that failed may have left none of it, or a part. */
function isIdentified(disk: Disk, path: string): boolean {
  try {
    parsePartitionMetadata(readFile(disk, path) ?? Buffer.alloc(0), path)
    return true
  } catch (error) {
    if (error instanceof CheckpointError) return false
    throw error
  }
}
