// For tests: one file rotated again and again under one agent, and the most that the agent ever knew, held and kept.
// What grows with the number of rotations is the test's own memory of lines, and nothing of the agent's.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tailScene } from './tail-story.ts'

export const rotationWays = ['rename', 'copytruncate', 'copytruncate over the same copy'] as const
export type RotationWay = (typeof rotationWays)[number]

/** The most there was at the end of any rotation. */
export interface RotationState {
  files: number
  ranges: number
  descriptors: number
  checkpointBytes: number
}

export interface RotationsOutcome {
  readonly rotations: number
  readonly largest: RotationState
  /** Lines that were not counted exactly once. */
  readonly wrong: number
  readonly reasons: readonly string[]
}

/** `x.log` becomes `x.log.1`, and so on; the last one is deleted. */
export function rotate(at: (name: string) => string, keep: number): void {
  rmSync(at(`x.log.${keep}`), { force: true })
  for (let index = keep - 1; index >= 1; index--) {
    if (existsSync(at(`x.log.${index}`))) renameSync(at(`x.log.${index}`), at(`x.log.${index + 1}`))
  }
  renameSync(at('x.log'), at('x.log.1'))
  writeFileSync(at('x.log'), '')
}

/** `told` hears every ten thousand how far it has come. */
export async function rotateMany(
  how: RotationWay,
  rotations: number,
  told: (done: number, largest: RotationState) => void = () => {},
): Promise<RotationsOutcome> {
  await using s = await tailScene('x.log')
  const largest: RotationState = { files: 0, ranges: 0, descriptors: 0, checkpointBytes: 0 }
  for (let rotation = 0; rotation < rotations; rotation++) {
    appendFileSync(s.at('x.log'), `line ${rotation}\n`)
    s.agent.sweep()
    if (how === 'rename') rotate(s.at, 3)
    else {
      if (how === 'copytruncate') rmSync(s.at('x.log.1'), { force: true })
      copyFileSync(s.at('x.log'), s.at('x.log.1'))
      truncateSync(s.at('x.log'), 0)
    }
    s.agent.sweep()
    s.agent.save()
    s.agent.ship(() => true)
    s.story.now += 2_000
    const files = [...s.agent.tailer.files]
    largest.files = Math.max(largest.files, files.length)
    const ranges = files.reduce((sum, { tracked }) => sum + tracked.ranges.length, 0)
    largest.ranges = Math.max(largest.ranges, ranges)
    largest.descriptors = Math.max(largest.descriptors, s.agent.tailer.openFileCount)
    const bytes = JSON.stringify(s.story.checkpoint).length
    largest.checkpointBytes = Math.max(largest.checkpointBytes, bytes)
    if ((rotation + 1) % 10_000 === 0) told(rotation + 1, largest)
  }
  s.agent.settle()
  let [wrong, found] = [0, 0]
  for (let line = 0; line < rotations; line++) {
    const count = s.story.counted.get(`line ${line}`) ?? 0
    if (count > 0) found++
    if (count !== 1) wrong++
  }
  wrong += s.story.counted.size - found
  return { rotations, largest, wrong, reasons: [...new Set(s.reasons())] }
}

/** What is wrong with it, or undefined. */
export function rotationsFault(how: RotationWay, outcome: RotationsOutcome): string | undefined {
  const { largest, wrong, reasons } = outcome
  // Written over, nobody can know whether more had come into the copy.
  const expected = how === 'copytruncate over the same copy' ? ['truncated-before-read'] : []
  const isBounded =
    largest.files <= 8 && largest.ranges <= 12 && largest.descriptors <= 8 && largest.checkpointBytes < 8_192
  const isRight = isBounded && wrong === 0 && reasons.join() === expected.join()
  return isRight ? undefined : JSON.stringify({ how, ...outcome })
}
