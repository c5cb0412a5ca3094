// What a terminal is told of words from outside: lines, hosts, names. Pure.

/** What would steer a terminal, and what would turn its text around, as they are written in a string. */
export function visible(line: string): string {
  return line.replaceAll(steering, character => {
    const code = character.charCodeAt(0).toString(16)
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`
  })
}

const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
