// What is said of something on disk whose format number is higher than any known here, with the commands that help.
// Pure: text from numbers.

const newerAgain = 'git pull && npm start in a clone, sudo bin/tailrace install in its archive'

/** Goes behind `Cannot open "…": `. `goBack` is a command that puts back what this version can read. */
export function newerFormatText(found: number, known: number, goBack?: string): string {
  const why = `its format is ${found}, written by a newer Tailrace; this one reads up to ${known}`
  const back = goBack === undefined ? '' : `. Or go back to this one, with everything stopped: ${goBack}`
  return `${why}. Start the newer Tailrace again: ${newerAgain}${back}`
}
