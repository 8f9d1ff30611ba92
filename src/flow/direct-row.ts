// The columns that a connection past the interface has in the row of its flow (direct-relay.ts).
import { PROTOCOL } from '../net/flow-row.js'

/** The first column. The two ways, from the client and from the guest, have each of theirs side by side. */
export const DIRECT = PROTOCOL
export const PEER = DIRECT // the socket in the namespace
export const READY = DIRECT + 1
export const DONE = DIRECT + 2 // FROM_CLIENT, FROM_GUEST: that way has ended, and the end was passed on
export const PIPE = DIRECT + 3 // two
export const HELD = DIRECT + 5 // two: bytes in the pipe
export const ENDED = DIRECT + 7 // two: the sender has ended, and its end is still to be passed on
export const ERA = DIRECT + 9 // of the namespace that PEER belongs to
/** How many they are. */
export const COLUMNS = 10

export const FROM_CLIENT = 1
export const FROM_GUEST = 2
export const BOTH = FROM_CLIENT | FROM_GUEST

/** READY: what is known of each socket. */
export const CLIENT_READABLE = 1
export const CLIENT_WRITABLE = 2
export const PEER_READABLE = 4
export const PEER_WRITABLE = 8
/** The connection to the server is not there yet. */
export const CONNECTING = 16

/** The state of a flow, by the names that RFC 9293, 3.3.2 has for the end that is not the guest's. */
export function directState(rows: Int32Array, base: number): 'SYN-SENT' | 'ESTABLISHED' | 'FIN-WAIT-2' | 'CLOSE-WAIT' {
  if ((rows[base + READY]! & CONNECTING) !== 0) return 'SYN-SENT'
  const done = rows[base + DONE]!
  if (done === 0) return 'ESTABLISHED'
  return done === FROM_CLIENT ? 'FIN-WAIT-2' : 'CLOSE-WAIT'
}
