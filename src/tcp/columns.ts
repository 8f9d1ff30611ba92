// The columns that TCP has in a row of the flow table, and the bits of its flags; connection.ts is the view over them.
import { PROTOCOL } from '../net/flow-row.js'

export const STATE = PROTOCOL + 0 // index of the state, see state.ts
export const FLAGS = PROTOCOL + 1 // bits below
export const ISS = PROTOCOL + 2 // our initial sequence number
export const IRS = PROTOCOL + 3 // the guest's initial sequence number
export const SND_UNA = PROTOCOL + 4 // oldest byte the guest has not acknowledged
export const SND_NXT = PROTOCOL + 5 // next byte to send; goes back to sndUna on a timeout
export const SND_MAX = PROTOCOL + 6 // one past the highest byte ever sent
export const SND_WND = PROTOCOL + 7 // the guest's window, bytes
export const SND_WL1 = PROTOCOL + 8 // segment sequence number of the last window update
export const SND_WL2 = PROTOCOL + 9 // acknowledgment number of the last window update
export const SND_MSS = PROTOCOL + 10 // largest payload of one segment to the guest, bytes, options taken off
export const SND_SCALE = PROTOCOL + 11 // shift of the guest's window
export const MAX_WND = PROTOCOL + 12 // largest window the guest ever offered, bytes
export const RCV_NXT = PROTOCOL + 13 // next byte to acknowledge: everything before it is in the host's kernel
export const RCV_EDGE = PROTOCOL + 14 // right edge of the window we advertised; never moves back
export const RCV_SCALE = PROTOCOL + 15 // shift of our window
export const RCV_FIN = PROTOCOL + 16 // sequence number of the guest's FIN, valid with HAS_FIN
export const RCV_UNACKED = PROTOCOL + 17 // bytes accepted since our last acknowledgment
export const LAST_ACK_SENT = PROTOCOL + 18 // acknowledgment number of our last segment (RFC 7323)
export const TS_RECENT = PROTOCOL + 19 // timestamp to echo (RFC 7323)
export const TS_RECENT_AGE = PROTOCOL + 20 // ms, when tsRecent was taken
export const SRTT = PROTOCOL + 21 // smoothed round-trip time, 1/8 ms (RFC 6298)
export const RTTVAR = PROTOCOL + 22 // its variation, 1/4 ms
export const RTO = PROTOCOL + 23 // retransmission timeout, ms
export const BACKOFF = PROTOCOL + 24 // retransmissions of the same byte so far
export const CWND = PROTOCOL + 25 // congestion window, bytes
export const SSTHRESH = PROTOCOL + 26 // slow start threshold, bytes
export const DUP_ACKS = PROTOCOL + 27 // duplicate acknowledgments in a row
export const RECOVER = PROTOCOL + 28 // sndMax when loss recovery began (RFC 6582)
export const RTT_SEQ = PROTOCOL + 29 // sequence number whose acknowledgment gives a round-trip sample
export const RTT_SENT = PROTOCOL + 30 // ms, when it was sent; valid with IS_TIMED
export const RCV_ACTIVE = PROTOCOL + 31 // ms, last data from the guest
export const SLAB = PROTOCOL + 32 // arena offset of the receive ring
export const SLAB_CLASS = PROTOCOL + 33 // its size class
export const HOST_FREE = PROTOCOL + 34 // bytes the host's socket will surely take; a lower bound
export const HELD_COUNT = PROTOCOL + 35 // ranges in the ring
export const SEND_SLAB = PROTOCOL + 36 // arena offset of the send ring, 0 when the host socket keeps the bytes
export const SEND_CLASS = PROTOCOL + 37 // its size class
export const SEND_HELD = PROTOCOL + 38 // bytes in the send ring from sndUna on
export const SEND_NEXT = PROTOCOL + 39 // bytes behind sndUna where the next read from the send ring begins

// Among the row's ranges (flow-row.ts), relative to `Connection.ranges`.
/** Ranges of held bytes, in order: pairs of sequence numbers [left, right). */
export const HELD = 0
/** Most ranges a connection holds apart; a segment that would open one more is dropped, and the guest sends it again. */
export const MAX_HELD = 16

// FLAGS
/** The peer sends timestamps, and so do we (RFC 7323). */
export const HAS_TIMESTAMPS = 1 << 0
/** The peer understands SACK (RFC 2018). */
export const HAS_SACK = 1 << 1
/** The guest's FIN has arrived, at rcvFin. */
export const HAS_FIN = 1 << 2
/** The guest's FIN has been passed on to the host. */
export const FIN_DELIVERED = 1 << 3
/** The host may have more to read. */
export const HOST_READABLE = 1 << 4
/** The host's end of file was read: after the last byte comes our FIN. */
export const HOST_EOF = 1 << 5
/** Our FIN has been sent; it is the byte before sndMax. */
export const FIN_SENT = 1 << 6
/** An acknowledgment leaves at the end of this batch. */
export const ACK_NOW = 1 << 7
/** An acknowledgment is owed, and may wait for data to carry it. */
export const ACK_DELAYED = 1 << 8
/** In the list of connections to look at when the batch ends. */
export const IS_DIRTY = 1 << 9
/** The last exchange was request and response: acknowledgments wait for the response. */
export const IS_INTERACTIVE = 1 << 10
/** Fast recovery is on (RFC 6582). */
export const IS_RECOVERING = 1 << 11
/** The host's socket was full: waiting for it to drain. */
export const HOST_FULL = 1 << 12
/** The descriptor must tell when the host's socket drains, because our window is closed. */
export const WANTS_ROOM = 1 << 13

/** A round-trip sample is under way. */
export const IS_TIMED = 1 << 14

/** Something was lost: no more datagrams that a forwarder on the way might not understand. */
export const NO_BIG_TCP = 1 << 15
