// The one error that bytes from outside can cause in this room. Touches nothing.

/**
 * Bytes that do not mean what they claim: a length beyond the end, a null where none is allowed, a bad checksum.
 * Whoever fed them in closes the connection or sets the batch aside; nothing else is affected.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly reason: string
  /** Byte position in the buffer being read where the offending thing starts. */
  readonly position: number

  constructor(reason: string, position: number, options?: ErrorOptions) {
    super(`Cannot read byte ${position}: ${reason}`, options)
    this.reason = reason
    this.position = position
  }
}
