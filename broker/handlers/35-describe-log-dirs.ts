// DescribeLogDirs, v1-5. This broker's one directory: what each replica takes, how far a follower's lags behind, and
// what all may take: the cap of the data directory, which is less than the disk.
import { statfsSync } from 'node:fs'
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { DescribeLogDirsRequest } from '../protocol/messages/35-describe-log-dirs.ts'

export function describeLogDirs(
  request: DescribeLogDirsRequest,
  _call: Call,
  broker: Broker,
): Answer<typeof apis.describeLogDirs> {
  const { path, capacity } = broker.parts.logs
  const wishes = request.topics && new Map(request.topics.map(({ topic, partitions }) => [topic, partitions]))
  const topics = [...broker.topics.all()].flatMap(({ name, partitions }) => {
    const wanted = wishes?.get(name)
    if (wishes && !wanted) return []
    const here = partitions.filter(partition => partition !== undefined)
    const described = here.filter(({ index }) => wanted?.includes(index) ?? true)
    if (described.length === 0) return []
    return {
      name,
      partitions: described.map(({ index, log, highWatermark }) => ({
        partitionIndex: index,
        partitionSize: log.sizeBytes,
        offsetLag: Math.max(0, highWatermark - log.logEndOffset),
        isFutureKey: false,
      })),
    }
  })
  return {
    errorCode: errorCodes.none,
    results: [{ errorCode: errorCodes.none, logDir: path, topics, ...volumeOf(path, capacity) }],
  }
}

/** What the logs may take and what of it is left; what the disk has before anybody has looked. */
function volumeOf(path: string, { capBytes, usedBytes }: LogDirectory['capacity']) {
  if (Number.isFinite(capBytes)) {
    return { totalBytes: Math.floor(capBytes), usableBytes: Math.max(0, Math.floor(capBytes - usedBytes)) }
  }
  const { blocks, bavail, bsize } = statfsSync(path)
  return { totalBytes: blocks * bsize, usableBytes: bavail * bsize }
}
