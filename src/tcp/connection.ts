// A TCP connection: a thin view over its row of the flow table. Read RFC 9293, 3.3.1 first; the names are its names.
//
// Nothing else holds protocol state: what is not in the row (and its receive ring) does not survive, so a row can be
// listed by another process, checked in a test, and picked up by a successor.
//
//   received:  in the host's kernel | held in the ring | room
//   -------------------------------+------------------+------
//                                rcvNxt             rcvEdge
//
// `rcvNxt` moves only when the host's kernel has accepted the bytes: what we acknowledge is in a kernel. Ranges that
// arrived and are not there yet (out of order, or the socket was full) lie in the ring, whose first byte is rcvNxt.
import { GUEST_ADDRESS, KIND, KIND_TCP, PORTS, REMOTE_ADDRESS, SOCKET } from '../net/flow-row.js'
import {
  CHALLENGED,
  DSACK_LEFT,
  DSACK_RIGHT,
  FLAGS,
  HELD_COUNT,
  HOST_ASKED_AT,
  HOST_FREE,
  HOST_LOOKED,
  IRS,
  KEEP_ALIVES,
  LAST_ACK_SENT,
  LAST_HELD,
  RCV_ACTIVE,
  RCV_EDGE,
  RCV_FIN,
  RCV_NXT,
  RCV_SCALE,
  RCV_TIME,
  RCV_UNACKED,
  RCV_UP,
  SEND_CLASS,
  SEND_HELD,
  SEND_NEXT,
  SEND_SLAB,
  SLAB,
  SLAB_CLASS,
  STATE,
  TS_OFFSET,
  TS_RECENT,
  TS_RECENT_AGE,
} from './columns.js'
import { SendVariables } from './send-variables.js'
import { STATE_INDEX, STATES, type State } from './state.js'

/** One is made for each row when it is first used, and kept. */
export class Connection extends SendVariables {
  /** First word of its ranges. */
  readonly ranges: number
  /** Handle of the row: its number, from 1. */
  readonly row: number

  constructor(rows: Int32Array, base: number, ranges: number, row: number) {
    super(rows, base)
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
  get irs(): number {
    return this.rows[this.base + IRS]!
  }
  set irs(value: number) {
    this.rows[this.base + IRS] = value
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
  get tsOffset(): number {
    return this.rows[this.base + TS_OFFSET]!
  }
  set tsOffset(value: number) {
    this.rows[this.base + TS_OFFSET] = value
  }
  get rcvActive(): number {
    return this.rows[this.base + RCV_ACTIVE]!
  }
  set rcvActive(value: number) {
    this.rows[this.base + RCV_ACTIVE] = value
  }
  get rcvTime(): number {
    return this.rows[this.base + RCV_TIME]!
  }
  set rcvTime(value: number) {
    this.rows[this.base + RCV_TIME] = value
  }
  get heldCount(): number {
    return this.rows[this.base + HELD_COUNT]!
  }
  set heldCount(value: number) {
    this.rows[this.base + HELD_COUNT] = value
  }
  get lastHeld(): number {
    return this.rows[this.base + LAST_HELD]!
  }
  set lastHeld(value: number) {
    this.rows[this.base + LAST_HELD] = value
  }
  get dsackLeft(): number {
    return this.rows[this.base + DSACK_LEFT]!
  }
  set dsackLeft(value: number) {
    this.rows[this.base + DSACK_LEFT] = value
  }
  get dsackRight(): number {
    return this.rows[this.base + DSACK_RIGHT]!
  }
  set dsackRight(value: number) {
    this.rows[this.base + DSACK_RIGHT] = value
  }
  get challenged(): number {
    return this.rows[this.base + CHALLENGED]!
  }
  set challenged(value: number) {
    this.rows[this.base + CHALLENGED] = value
  }
  get rcvUp(): number {
    return this.rows[this.base + RCV_UP]!
  }
  set rcvUp(value: number) {
    this.rows[this.base + RCV_UP] = value
  }
  get hostAsked(): number {
    return this.rows[this.base + HOST_ASKED_AT]!
  }
  set hostAsked(value: number) {
    this.rows[this.base + HOST_ASKED_AT] = value
  }
  get hostLooked(): number {
    return this.rows[this.base + HOST_LOOKED]!
  }
  set hostLooked(value: number) {
    this.rows[this.base + HOST_LOOKED] = value
  }
  get keepAlives(): number {
    return this.rows[this.base + KEEP_ALIVES]!
  }
  set keepAlives(value: number) {
    this.rows[this.base + KEEP_ALIVES] = value
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
    return this.rows[this.base + KIND] === KIND_TCP && this.rows[this.base + STATE] !== 0
  }
  /** Guest's IPv4 address. */
  get guest(): number {
    return this.rows[this.base + GUEST_ADDRESS + 3]!
  }
  /** IPv4 address of the other end, as the guest names it. */
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
