// TCP segments as scripts write and read them: plain objects, with numbers relative to the initial sequence numbers of their side.
import assert from 'node:assert/strict'
import type { Words } from '../../src/wire/address.js'
import * as wire from '../../src/wire/tcp.js'
import * as options from '../../src/wire/tcp-options.js'

/** The two ends of every script. */
export const GUEST = 0x0a000264
export const REMOTE = 0xc0000207 | 0
/** The same over IPv6. */
export const GUEST6: Words = [0xfd000000 | 0, 0, 0, 0x100]
export const REMOTE6: Words = [0x20010db8, 0, 0, 7]
export const GUEST_PORT = 40000
export const REMOTE_PORT = 80

/** Ranges of sequence numbers, [left, right). */
export type Blocks = readonly (readonly [left: number, right: number])[]

/** A segment as the guest sends it. */
export interface SegmentText {
  seq?: number
  /** Default 1: nothing but the SYN of the other side. */
  ack?: number
  /** 'S', 'F', 'R', 'P', '.' (ACK), 'U', 'E' (ECE), 'W' (CWR) in any order; default '.'. */
  flags?: string
  window?: number
  text?: string
  urgentPointer?: number
  /** In a SYN; -1 leaves the option out. Default 1460. */
  mss?: number
  /** In a SYN; -1 leaves the option out. Default 7. */
  scale?: number
  /** In a SYN; default true. */
  sackPermitted?: boolean
  timestamp?: readonly [value: number, echo: number]
  /** What the guest has out of order, relative to the other side's initial sequence number. */
  sack?: Blocks
  /** Options as they are, in place of those above: bytes, filled up to a multiple of 4. */
  raw?: readonly number[]
  /** Reserved bits of the header: 4, of which the last was once a flag. */
  reserved?: number
  /** Header length as the field says it, in words, in place of the true one. */
  dataOffset?: number
  hasBadChecksum?: boolean
  /** Addressed to somebody else than REMOTE. */
  to?: number
  /** From another port than GUEST_PORT. */
  port?: number
}

/** A segment that the TCP under test has sent. */
export interface SentSegment {
  seq: number
  ack: number
  flags: string
  /** As it stands in the header. */
  window: number
  urgentPointer: number
  text: string
  /** 0: none. */
  mss: number
  /** -1: none. */
  scale: number
  sackPermitted: boolean
  timestamp: readonly [value: number, echo: number] | null
  sack: [number, number][]
  /** Length of the pieces that the receiver cuts a super-segment into; 0 for a plain one. */
  gsoSize: number
  /** Words of header; reserved bits behind them. */
  dataOffset: number
  reserved: number
  /** Port of the guest that it is for. */
  port: number
}

const BITS: readonly (readonly [string, number])[] = [
  ['S', wire.SYN],
  ['F', wire.FIN],
  ['R', wire.RST],
  ['P', wire.PSH],
  ['U', wire.URG],
  ['E', wire.ECE],
  ['W', wire.CWR],
  ['.', wire.ACK],
]

const flagBits = (text: string): number => BITS.reduce((bits, [letter, bit]) => (text.includes(letter) ? bits | bit : bits), 0)
const flagText = (bits: number): string => BITS.filter(([, bit]) => (bits & bit) !== 0).reduce((text, [letter]) => text + letter, '')

/** Writes TCP header, options and text at `at`, checksum 0; returns the length. `iss`: of the TCP under test, `irs`: of the guest. */
export function writeSegment(view: DataView, at: number, s: SegmentText, iss: number, irs: number): number {
  const flags = s.flags ?? '.'
  const header = wire.HEADER_LENGTH + writeOptions(view, at + wire.HEADER_LENGTH, s, flags.includes('S'), iss)
  const text = s.text ?? ''
  for (let i = 0; i < text.length; i++) view.setUint8(at + header + i, text.charCodeAt(i))
  const ack = flags.includes('.') ? (iss + (s.ack ?? 1)) | 0 : 0
  wire.write(view, at, s.port ?? GUEST_PORT, REMOTE_PORT, (irs + (s.seq ?? 0)) | 0, ack, header, flagBits(flags), s.window ?? 500)
  view.setUint8(at + 12, ((s.dataOffset ?? header >> 2) << 4) | (s.reserved ?? 0))
  view.setUint16(at + 18, s.urgentPointer ?? 0)
  return header + text.length
}

function writeOptions(view: DataView, at: number, s: SegmentText, isSyn: boolean, iss: number): number {
  if (s.raw !== undefined) {
    const size = (s.raw.length + 3) & ~3
    for (let i = 0; i < size; i++) view.setUint8(at + i, s.raw[i] ?? 0)
    return size
  }
  const stamp = s.timestamp
  if (isSyn) {
    const size = options.writeSyn(
      view,
      at,
      s.mss ?? 1460,
      s.scale ?? 7,
      s.sackPermitted === false ? 0 : 1,
      stamp ? 1 : 0,
      stamp?.[0] ?? 0,
      stamp?.[1] ?? 0,
    )
    // Without an MSS, its place is four NOPs.
    if (s.mss === -1) view.setInt32(at, 0x01010101)
    return size
  }
  let size = stamp ? options.writeTimestamp(view, at, stamp[0], stamp[1]) : 0
  if (s.sack !== undefined && s.sack.length > 0) {
    const edges = Int32Array.from(s.sack.flat(), (edge) => (iss + edge) | 0)
    size += options.writeSack(view, at + size, edges, 0, s.sack.length)
  }
  return size
}

/** Takes a segment of `length` bytes apart. */
export function readSegment(view: DataView, at: number, length: number, iss: number, irs: number, gsoSize: number): SentSegment {
  const header = wire.headerLength(view, at)
  const o = new Int32Array(options.LENGTH)
  assert.ok(options.parse(view, at + wire.HEADER_LENGTH, header - wire.HEADER_LENGTH, o), 'bad options were sent')
  const flags = flagText(wire.flags(view, at))
  const sack: [number, number][] = []
  for (let i = 0; i < o[options.SACK_COUNT]!; i++) {
    sack.push([(o[options.SACK_LEFT + 2 * i]! - irs) | 0, (o[options.SACK_LEFT + 2 * i + 1]! - irs) | 0])
  }
  return {
    seq: (wire.sequence(view, at) - iss) | 0,
    ack: flags.includes('.') ? (wire.acknowledgment(view, at) - irs) | 0 : 0,
    flags,
    window: wire.window(view, at),
    urgentPointer: wire.urgentPointer(view, at),
    text: Buffer.from(view.buffer, view.byteOffset + at + header, length - header).toString('latin1'),
    mss: o[options.MSS]!,
    scale: o[options.WINDOW_SCALE]!,
    sackPermitted: o[options.SACK_PERMITTED] === 1,
    timestamp: o[options.HAS_TIMESTAMP] === 1 ? [o[options.TS_VALUE]!, o[options.TS_ECHO]!] : null,
    sack,
    gsoSize,
    dataOffset: header >> 2,
    reserved: view.getUint8(at + 12) & 15,
    port: wire.dstPort(view, at),
  }
}

/** A segment on one line, for messages: '[P.] seq 1:6 ack 4 win 512 "hello"'. */
export function describe(s: SentSegment): string {
  const words = [`[${s.flags}] seq ${s.seq}:${s.seq + s.text.length}`]
  if (s.flags.includes('.')) words.push(`ack ${s.ack}`)
  words.push(`win ${s.window}`)
  if (s.flags.includes('S')) words.push(`mss ${s.mss} scale ${s.scale}${s.sackPermitted ? ' sackOK' : ''}`)
  if (s.timestamp !== null) words.push(`ts ${s.timestamp.join()}`)
  if (s.sack.length > 0) words.push(`sack ${s.sack.map((edges) => edges.join('-')).join(' ')}`)
  if (s.gsoSize > 0) words.push(`gso ${s.gsoSize}`)
  if (s.text.length > 0) words.push(JSON.stringify(s.text.length > 20 ? `${s.text.slice(0, 17)}...` : s.text))
  return words.join(' ')
}

/** Compares what was sent with what is named of it. */
export function compare(segment: SentSegment | undefined, wanted: Partial<SentSegment>): SentSegment {
  assert.ok(segment, `nothing was sent; expected ${JSON.stringify(wanted)}`)
  for (const [key, value] of Object.entries(wanted)) {
    assert.deepEqual(segment[key as keyof SentSegment], value, `${key} is not ${JSON.stringify(value)}: ${describe(segment)}`)
  }
  return segment
}
