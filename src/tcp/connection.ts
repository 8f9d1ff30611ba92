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
import { GUEST_ADDRESS, KIND, PORTS, REMOTE_ADDRESS, SOCKET } from '../net/flow-row.js'
import {
  BACKOFF,
  CWND,
  DUP_ACKS,
  FLAGS,
  HELD_COUNT,
  HOST_FREE,
  IRS,
  ISS,
  LAST_ACK_SENT,
  MAX_WND,
  RCV_ACTIVE,
  RCV_EDGE,
  RCV_FIN,
  RCV_NXT,
  RCV_SCALE,
  RCV_UNACKED,
  RECOVER,
  RTO,
  RTT_SENT,
  RTT_SEQ,
  RTTVAR,
  SEND_CLASS,
  SEND_HELD,
  SEND_NEXT,
  SEND_SLAB,
  SLAB,
  SLAB_CLASS,
  SND_MAX,
  SND_MSS,
  SND_NXT,
  SND_SCALE,
  SND_UNA,
  SND_WL1,
  SND_WL2,
  SND_WND,
  SRTT,
  SSTHRESH,
  STATE,
  TS_RECENT,
  TS_RECENT_AGE,
} from './columns.js'
import { STATE_INDEX, STATES, type State } from './state.js'

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
