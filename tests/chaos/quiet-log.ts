// A log for clients under test, whose complaints about brokers that were just killed are no news.
import type { Log } from '../../runtime/log.ts'

export const quietLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
