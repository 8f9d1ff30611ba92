// Initial sequence numbers (RFC 6528): a clock of 4 us ticks plus a keyed hash of the connection, so that they grow for
// one connection and cannot be guessed for another.

import { PORTS } from '../net/flow-row.js'
import { hash3 } from '../util/hash.js'
import type { Connection } from './connection.js'
import type { Tcp } from './stack.js'

/** Ticks of the ISN clock per millisecond (RFC 9293, 3.4.1). */
const TICKS_PER_MS = 250

export const choose = (tcp: Tcp, c: Connection): number =>
  (Math.imul(tcp.now, TICKS_PER_MS) + hash3(tcp.key0, tcp.key1, c.guest, c.remote, c.rows[c.base + PORTS]!)) | 0
