// The columns that TCP has in a row of the flow table, and the bits of its flags; the views over them are send-variables.ts and
// connection.ts. Numbers of the sequence space are int32 that wrap.
import { PROTOCOL } from '../net/flow-row.js'

export const STATE = PROTOCOL + 0 // index of the state, see state.ts
export const FLAGS = PROTOCOL + 1 // bits below

// Send sequence variables, and what belongs to them (RFC 9293, 3.3.1).
export const ISS = PROTOCOL + 2 // our initial sequence number
export const SND_UNA = PROTOCOL + 3 // oldest byte the guest has not acknowledged
export const SND_NXT = PROTOCOL + 4 // next byte to send; goes back on a timeout
export const SND_MAX = PROTOCOL + 5 // one past the highest byte ever sent
export const SND_WND = PROTOCOL + 6 // the guest's window, bytes
export const SND_WL1 = PROTOCOL + 7 // segment sequence number of the last window update
export const SND_WL2 = PROTOCOL + 8 // acknowledgment number of the last window update
export const SND_MSS = PROTOCOL + 9 // largest payload of one segment to the guest, bytes, timestamps taken off
export const SND_SCALE = PROTOCOL + 10 // shift of the guest's window
export const MAX_WND = PROTOCOL + 11 // largest window the guest ever offered, bytes
export const SRTT = PROTOCOL + 12 // smoothed round-trip time, 1/8 ms (RFC 6298)
export const RTTVAR = PROTOCOL + 13 // its variation, 1/4 ms
export const RTO = PROTOCOL + 14 // retransmission timeout, ms
export const MIN_RTT = PROTOCOL + 15 // least round-trip time seen, ms
export const RTT_SEQ = PROTOCOL + 16 // sequence number whose acknowledgment gives a round-trip sample, valid with IS_TIMED
export const RTT_SENT = PROTOCOL + 17 // ms, when it was sent
export const BACKOFF = PROTOCOL + 18 // times the timeout was doubled since the last round-trip sample
export const RETRIED = PROTOCOL + 19 // timeouts since the guest acknowledged something new
export const TIMER_MODE = PROTOCOL + 20 // what the retransmission timer is set for: timers.ts
export const CWND = PROTOCOL + 21 // congestion window, bytes
export const SSTHRESH = PROTOCOL + 22 // slow start threshold, bytes
export const DUP_ACKS = PROTOCOL + 23 // duplicate acknowledgments in a row
export const RECOVER = PROTOCOL + 24 // sndMax when loss recovery began (RFC 6675: RecoveryPoint)
export const SACKED_COUNT = PROTOCOL + 25 // ranges of the scoreboard
export const REORDER_STEPS = PROTOCOL + 26 // 0 until segments were seen to overtake each other, then how long a hole is waited for (RFC 8985: reo_wnd_mult)
export const PRR_DELIVERED = PROTOCOL + 27 // bytes that arrived since recovery began (RFC 6937)
export const PRR_OUT = PROTOCOL + 28 // bytes sent since then
export const RECOVER_FS = PROTOCOL + 29 // bytes in flight when it began
export const W_MAX = PROTOCOL + 30 // congestion window before the last reduction, bytes (RFC 9438)
export const CUBIC_K = PROTOCOL + 31 // ms until it is reached again
export const EPOCH = PROTOCOL + 32 // ms, when growth began anew, valid with HAS_EPOCH
export const W_EST = PROTOCOL + 33 // window that Reno would have, bytes
export const PRIOR_CWND = PROTOCOL + 34 // cwnd before the last reduction, for when it was not needed (RFC 3522)
export const PRIOR_SSTHRESH = PROTOCOL + 35 // ssthresh, likewise
export const CWND_PRIOR = PROTOCOL + 36 // cwnd at the start of growth, bytes (RFC 9438: cwnd_prior)
export const UNDO_STAMP = PROTOCOL + 37 // timestamp of the first retransmission, valid with MAY_UNDO
export const TAIL_END = PROTOCOL + 38 // sndNxt when the tail was probed (RFC 8985, 7), valid with IS_PROBING_TAIL
export const TAIL_STAMP = PROTOCOL + 39 // timestamp of the probe
export const LAST_SENT = PROTOCOL + 40 // ms, when a SYN, text or a FIN was last sent
export const FLIGHT_SIZE = PROTOCOL + 41 // bytes sent and not acknowledged when the batch ended last (RFC 5681: FlightSize)

// Receive sequence variables, and what belongs to them.
export const IRS = PROTOCOL + 42 // the guest's initial sequence number
export const RCV_NXT = PROTOCOL + 43 // next byte to acknowledge: everything before it is in the host's kernel
export const RCV_EDGE = PROTOCOL + 44 // right edge of the window we advertised; never moves back
export const RCV_SCALE = PROTOCOL + 45 // shift of our window
export const RCV_FIN = PROTOCOL + 46 // sequence number of the guest's FIN, valid with HAS_FIN
export const RCV_UNACKED = PROTOCOL + 47 // bytes accepted since our last acknowledgment
export const LAST_ACK_SENT = PROTOCOL + 48 // acknowledgment number of our last segment (RFC 7323)
export const TS_RECENT = PROTOCOL + 49 // timestamp to echo (RFC 7323)
export const TS_RECENT_AGE = PROTOCOL + 50 // ms, when tsRecent was taken
export const TS_OFFSET = PROTOCOL + 51 // what our timestamps are ahead of the clock (RFC 7323, 5.4)
export const RCV_ACTIVE = PROTOCOL + 52 // ms, last data from the guest
export const RCV_TIME = PROTOCOL + 53 // ms, last segment from the guest
export const HELD_COUNT = PROTOCOL + 54 // ranges in the ring
export const LAST_HELD = PROTOCOL + 55 // sequence number in the range that was reported as held last (RFC 2018, 4)
export const DSACK_LEFT = PROTOCOL + 56 // text that arrived twice, to be reported (RFC 2883); none when both are the same
export const DSACK_RIGHT = PROTOCOL + 57 // its end
export const CHALLENGED = PROTOCOL + 58 // ms, when a segment that cannot be ours was last answered (RFC 5961, 7)
export const KEEP_ALIVES = PROTOCOL + 59 // keep-alive probes without an answer
export const SLAB = PROTOCOL + 60 // arena offset of the receive ring
export const SLAB_CLASS = PROTOCOL + 61 // its size class
export const HOST_FREE = PROTOCOL + 62 // bytes the host's socket will surely take; a lower bound
export const SEND_SLAB = PROTOCOL + 63 // arena offset of the send ring, 0 when the host socket keeps the bytes
export const SEND_CLASS = PROTOCOL + 64 // its size class
export const SEND_HELD = PROTOCOL + 65 // bytes in the send ring from sndUna on
export const SEND_NEXT = PROTOCOL + 66 // bytes behind sndUna where the next read from the send ring begins
export const TAIL_WAIT = PROTOCOL + 67 // what the probe of a tail waits beyond two round trips, ms
export const HOST_ASKED_AT = PROTOCOL + 68 // ms, when the host's peer was asked whether it lives, valid with HOST_ASKED: far-end.ts
export const HOST_LOOKED = PROTOCOL + 69 // ms, when the host's socket was last seen not to send in vain
export const RCV_UP = PROTOCOL + 70 // sequence number of the guest's urgent byte, valid with HAS_RCV_URGENT
export const SND_UP = PROTOCOL + 71 // that of the host's, valid with HAS_SND_URGENT

/** One past TCP's last column: what a snapshot of a connection takes. */
export const COLUMNS_END = PROTOCOL + 72

// Among the row's ranges (flow-row.ts), relative to `Connection.ranges`.
/** Ranges of held bytes, in order: pairs of sequence numbers [left, right). */
export const HELD = 0
/** Most ranges a connection holds apart; a segment that would open one more is dropped, and the guest sends it again. */
export const MAX_HELD = 16
/** The scoreboard (scoreboard.ts): SACKED_WORDS for each range. */
export const SACKED = 32
export const SACKED_WORDS = 5
/** Most ranges it knows; one more is forgotten, and then looks as if it had not arrived. */
export const MAX_SACKED = 19

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
/** Loss recovery is on (RFC 6675, 6582). */
export const IS_RECOVERING = 1 << 11
/** The host's socket was full: waiting for it to drain. */
export const HOST_FULL = 1 << 12
/** The descriptor must tell when the host's socket drains, because our window is closed. */
export const WANTS_ROOM = 1 << 13

/** A round-trip sample is under way. */
export const IS_TIMED = 1 << 14

/** Something was lost: no more datagrams that a forwarder on the way might not understand. */
export const NO_BIG_TCP = 1 << 15
/** We opened the connection (the host's end came first). */
export const IS_ACTIVE_OPEN = 1 << 16
/** The last reduction of cwnd may turn out to have been for nothing (RFC 3522). */
export const MAY_UNDO = 1 << 17
/** The tail was probed, and what comes of it is not known (RFC 8985, 7.4). */
export const IS_PROBING_TAIL = 1 << 18
/** The probe of the tail was text sent before. */
export const IS_TAIL_RESENT = 1 << 19
/** cwnd grows by RFC 9438's function since EPOCH. */
export const HAS_EPOCH = 1 << 20
/** A timeout began this recovery: what was in flight counts as lost. */
export const IS_LOSS = 1 << 21
/** The host has ended, or its text has an urgent mark: a read that brought less than was asked for need not have brought all there is. */
export const READS_ON = 1 << 22
/** The guest has asked whether the host's peer lives, and it has not answered yet: far-end.ts. */
export const HOST_ASKED = 1 << 23
/** A byte of the guest that the host does not have yet is urgent: urgent.ts. */
export const HAS_RCV_URGENT = 1 << 24
/** A byte of the host that the guest has not acknowledged yet is urgent. */
export const HAS_SND_URGENT = 1 << 25
/** The host has sent an urgent byte: from now on each read finds out where one is. */
export const HOST_URGENT = 1 << 26
