// A TCP connection: a thin view over its row of the flow table. Read RFC 9293, 3.3.1 first; the names are its names.
//
// Nothing else holds protocol state: what is not in the row (and its receive ring) does not survive, so a row can be
// listed by another process, checked in a test, and picked up by a successor. Sequence numbers are int32 that wrap.
//
//   sent and acknowledged | sent, in flight | may be sent        received:  in the host's kernel | held in the ring | room
//   ----------------------+-----------------+----------------    -----------------------------+------------------+------
//                       sndUna            sndNxt  sndUna+sndWnd                              rcvNxt                 rcvEdge
//
// `rcvNxt` moves only when the host's kernel has accepted the bytes: what we acknowledge is in a kernel. Ranges that
// arrived and are not there yet (out of order, or the socket was full) lie in the ring, whose first byte is rcvNxt.
import { GUEST_ADDRESS, KIND, PORTS, PROTOCOL, REMOTE_ADDRESS, SOCKET } from '../net/flow-row.js'
import { STATE_INDEX, STATES, type State } from './state.js'

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

/** A view over one row. One is made for each row when it is first used, and kept. */
export class Connection {
  readonly rows: Int32Array
  readonly base: number
  /** First word of its ranges. */
  readonly ranges: number
  /** Handle of the row: its number, from 1. */
  readonly row: number

  constructor(rows: Int32Array, base: number, ranges: number, row: number) {
    this.rows = rows
    this.base = base
    this.ranges = ranges
    this.row = row
  }

  get state(): State {
    return STATES[this.rows[this.base + STATE]!] as State
  }
  set state(value: State) {
    this.rows[this.base + STATE] = STATE_INDEX[value]
  }
  has(flag: number): boolean {
    return (this.rows[this.base + FLAGS]! & flag) !== 0
  }
  raise(flag: number): void {
    this.rows[this.base + FLAGS] = this.rows[this.base + FLAGS]! | flag
  }
  lower(flag: number): void {
    this.rows[this.base + FLAGS] = this.rows[this.base + FLAGS]! & ~flag
  }
  get iss(): number {
    return this.rows[this.base + ISS]!
  }
  set iss(value: number) {
    this.rows[this.base + ISS] = value
  }
  get irs(): number {
    return this.rows[this.base + IRS]!
  }
  set irs(value: number) {
    this.rows[this.base + IRS] = value
  }
  get sndUna(): number {
    return this.rows[this.base + SND_UNA]!
  }
  set sndUna(value: number) {
    this.rows[this.base + SND_UNA] = value
  }
  get sndNxt(): number {
    return this.rows[this.base + SND_NXT]!
  }
  set sndNxt(value: number) {
    this.rows[this.base + SND_NXT] = value
  }
  get sndMax(): number {
    return this.rows[this.base + SND_MAX]!
  }
  set sndMax(value: number) {
    this.rows[this.base + SND_MAX] = value
  }
  get sndWnd(): number {
    return this.rows[this.base + SND_WND]!
  }
  set sndWnd(value: number) {
    this.rows[this.base + SND_WND] = value
  }
  get sndWl1(): number {
    return this.rows[this.base + SND_WL1]!
  }
  set sndWl1(value: number) {
    this.rows[this.base + SND_WL1] = value
  }
  get sndWl2(): number {
    return this.rows[this.base + SND_WL2]!
  }
  set sndWl2(value: number) {
    this.rows[this.base + SND_WL2] = value
  }
  get sndMss(): number {
    return this.rows[this.base + SND_MSS]!
  }
  set sndMss(value: number) {
    this.rows[this.base + SND_MSS] = value
  }
  get sndScale(): number {
    return this.rows[this.base + SND_SCALE]!
  }
  set sndScale(value: number) {
    this.rows[this.base + SND_SCALE] = value
  }
  get maxWnd(): number {
    return this.rows[this.base + MAX_WND]!
  }
  set maxWnd(value: number) {
    this.rows[this.base + MAX_WND] = value
  }
  get rcvNxt(): number {
    return this.rows[this.base + RCV_NXT]!
  }
  set rcvNxt(value: number) {
    this.rows[this.base + RCV_NXT] = value
  }
  get rcvEdge(): number {
    return this.rows[this.base + RCV_EDGE]!
  }
  set rcvEdge(value: number) {
    this.rows[this.base + RCV_EDGE] = value
  }
  get rcvScale(): number {
    return this.rows[this.base + RCV_SCALE]!
  }
  set rcvScale(value: number) {
    this.rows[this.base + RCV_SCALE] = value
  }
  get rcvFin(): number {
    return this.rows[this.base + RCV_FIN]!
  }
  set rcvFin(value: number) {
    this.rows[this.base + RCV_FIN] = value
  }
  get rcvUnacked(): number {
    return this.rows[this.base + RCV_UNACKED]!
  }
  set rcvUnacked(value: number) {
    this.rows[this.base + RCV_UNACKED] = value
  }
  get lastAckSent(): number {
    return this.rows[this.base + LAST_ACK_SENT]!
  }
  set lastAckSent(value: number) {
    this.rows[this.base + LAST_ACK_SENT] = value
  }
  get tsRecent(): number {
    return this.rows[this.base + TS_RECENT]!
  }
  set tsRecent(value: number) {
    this.rows[this.base + TS_RECENT] = value
  }
  get tsRecentAge(): number {
    return this.rows[this.base + TS_RECENT_AGE]!
  }
  set tsRecentAge(value: number) {
    this.rows[this.base + TS_RECENT_AGE] = value
  }
  get srtt(): number {
    return this.rows[this.base + SRTT]!
  }
  set srtt(value: number) {
    this.rows[this.base + SRTT] = value
  }
  get rttvar(): number {
    return this.rows[this.base + RTTVAR]!
  }
  set rttvar(value: number) {
    this.rows[this.base + RTTVAR] = value
  }
  get rto(): number {
    return this.rows[this.base + RTO]!
  }
  set rto(value: number) {
    this.rows[this.base + RTO] = value
  }
  get backoff(): number {
    return this.rows[this.base + BACKOFF]!
  }
  set backoff(value: number) {
    this.rows[this.base + BACKOFF] = value
  }
  get cwnd(): number {
    return this.rows[this.base + CWND]!
  }
  set cwnd(value: number) {
    this.rows[this.base + CWND] = value
  }
  get ssthresh(): number {
    return this.rows[this.base + SSTHRESH]!
  }
  set ssthresh(value: number) {
    this.rows[this.base + SSTHRESH] = value
  }
  get dupAcks(): number {
    return this.rows[this.base + DUP_ACKS]!
  }
  set dupAcks(value: number) {
    this.rows[this.base + DUP_ACKS] = value
  }
  get recover(): number {
    return this.rows[this.base + RECOVER]!
  }
  set recover(value: number) {
    this.rows[this.base + RECOVER] = value
  }
  get rttSeq(): number {
    return this.rows[this.base + RTT_SEQ]!
  }
  set rttSeq(value: number) {
    this.rows[this.base + RTT_SEQ] = value
  }
  get rttSent(): number {
    return this.rows[this.base + RTT_SENT]!
  }
  set rttSent(value: number) {
    this.rows[this.base + RTT_SENT] = value
  }
  get rcvActive(): number {
    return this.rows[this.base + RCV_ACTIVE]!
  }
  set rcvActive(value: number) {
    this.rows[this.base + RCV_ACTIVE] = value
  }
  get slab(): number {
    return this.rows[this.base + SLAB]!
  }
  set slab(value: number) {
    this.rows[this.base + SLAB] = value
  }
  get slabClass(): number {
    return this.rows[this.base + SLAB_CLASS]!
  }
  set slabClass(value: number) {
    this.rows[this.base + SLAB_CLASS] = value
  }
  get hostFree(): number {
    return this.rows[this.base + HOST_FREE]!
  }
  set hostFree(value: number) {
    this.rows[this.base + HOST_FREE] = value
  }
  get heldCount(): number {
    return this.rows[this.base + HELD_COUNT]!
  }
  set heldCount(value: number) {
    this.rows[this.base + HELD_COUNT] = value
  }
  get sendSlab(): number {
    return this.rows[this.base + SEND_SLAB]!
  }
  set sendSlab(value: number) {
    this.rows[this.base + SEND_SLAB] = value
  }
  get sendClass(): number {
    return this.rows[this.base + SEND_CLASS]!
  }
  set sendClass(value: number) {
    this.rows[this.base + SEND_CLASS] = value
  }
  get sendHeld(): number {
    return this.rows[this.base + SEND_HELD]!
  }
  set sendHeld(value: number) {
    this.rows[this.base + SEND_HELD] = value
  }
  get sendNext(): number {
    return this.rows[this.base + SEND_NEXT]!
  }
  set sendNext(value: number) {
    this.rows[this.base + SEND_NEXT] = value
  }
  get socket(): number {
    return this.rows[this.base + SOCKET]!
  }
  set socket(value: number) {
    this.rows[this.base + SOCKET] = value
  }
  get isOpen(): boolean {
    return this.rows[this.base + KIND] !== 0 && this.rows[this.base + STATE] !== 0
  }
  /** Guest's IPv4 address. */
  get guest(): number {
    return this.rows[this.base + GUEST_ADDRESS + 3]!
  }
  /** IPv4 address the guest connected to. */
  get remote(): number {
    return this.rows[this.base + REMOTE_ADDRESS + 3]!
  }
  get guestPort(): number {
    return this.rows[this.base + PORTS]! >>> 16
  }
  get remotePort(): number {
    return this.rows[this.base + PORTS]! & 0xffff
  }
}
