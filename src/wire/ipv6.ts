/*
 * The IPv6 header, RFC 8200, 3; traffic class as RFC 2474 and RFC 3168 define it; flow label, RFC 6437.
 *
 *     0       1       2       3       4
 *     +---+-------+---+---------------+
 *     | 6 | class |    flow label     |    0     4, 8 and 20 bits
 *     +---+-------+---+-------+-------+
 *     | payload length| next  | hops  |    4     payload: all that follows this header
 *     +---------------+-------+-------+
 *     |  source (16)                  :    8
 *     +-------------------------------+
 *     |  destination (16)             :   24
 *     +-------------------------------+
 *
 * An address is four int32 words, the first one on top: readers take the number of the word, 0..3.
 *
 * `isValid` proves that this header and `payloadLength` bytes behind it are there. What `nextHeader` names may be an extension header:
 * see ipv6-extension.ts. There is no checksum.
 */

const VERSION = 0
const PAYLOAD_LENGTH = 4
const NEXT_HEADER = 6
const HOP_LIMIT = 7
const SOURCE = 8
const DESTINATION = 24

/** For this file: V8 folds it, which it does not do with an exported one. */
const LENGTH = 40

/** Bytes. */
export const HEADER_LENGTH = LENGTH

/** Bytes that every link carries unfragmented (RFC 8200, 5). */
export const MINIMUM_MTU = 1280

/** From the start of a packet, for the pointer of a parameter problem. */
export const NEXT_HEADER_OFFSET = NEXT_HEADER
/** Where both addresses begin. */
export const SOURCE_OFFSET = SOURCE

export function isValid(view: DataView, at: number, available: number): boolean {
  return available >= LENGTH && view.getUint8(at + VERSION) >>> 4 === 6 && LENGTH + view.getUint16(at + PAYLOAD_LENGTH) <= available
}

export function version(view: DataView, at: number): number {
  return view.getUint8(at + VERSION) >>> 4
}

/** DSCP and ECN, as IPv4's type of service. */
export function trafficClass(view: DataView, at: number): number {
  return (view.getUint16(at + VERSION) >>> 4) & 0xff
}

/** 20 bits; 0 when the source does not label its flows. */
export function flowLabel(view: DataView, at: number): number {
  return view.getInt32(at + VERSION) & 0x000fffff
}

/** Bytes behind this header: extension headers are among them. */
export function payloadLength(view: DataView, at: number): number {
  return view.getUint16(at + PAYLOAD_LENGTH)
}

export function nextHeader(view: DataView, at: number): number {
  return view.getUint8(at + NEXT_HEADER)
}

export function hopLimit(view: DataView, at: number): number {
  return view.getUint8(at + HOP_LIMIT)
}

export function source(view: DataView, at: number, word: number): number {
  return view.getInt32(at + SOURCE + (word << 2))
}

export function destination(view: DataView, at: number, word: number): number {
  return view.getInt32(at + DESTINATION + (word << 2))
}

/** `flowLabel`: 20 bits. */
export function write(
  view: DataView,
  at: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
  trafficClass: number,
  flowLabel: number,
  source0: number,
  source1: number,
  source2: number,
  source3: number,
  destination0: number,
  destination1: number,
  destination2: number,
  destination3: number,
): void {
  view.setInt32(at + VERSION, 0x60000000 | (trafficClass << 20) | flowLabel)
  view.setInt32(at + PAYLOAD_LENGTH, (payloadLength << 16) | (nextHeader << 8) | hopLimit)
  view.setInt32(at + SOURCE, source0)
  view.setInt32(at + SOURCE + 4, source1)
  view.setInt32(at + SOURCE + 8, source2)
  view.setInt32(at + SOURCE + 12, source3)
  view.setInt32(at + DESTINATION, destination0)
  view.setInt32(at + DESTINATION + 4, destination1)
  view.setInt32(at + DESTINATION + 8, destination2)
  view.setInt32(at + DESTINATION + 12, destination3)
}

/** Of a packet put together again. */
export function setPayloadLength(view: DataView, at: number, length: number): void {
  view.setUint16(at + PAYLOAD_LENGTH, length)
}

/** `ff00::/8`, by the first word (RFC 4291, 2.7). */
export function isMulticast(word0: number): boolean {
  return word0 >>> 24 === 0xff
}

/** `fe80::/10`, by the first word (RFC 4291, 2.5.6). */
export function isLinkLocal(word0: number): boolean {
  return (word0 & 0xffc00000) === (0xfe800000 | 0)
}

/** `::` (RFC 4291, 2.5.2). */
export function isUnspecified(word0: number, word1: number, word2: number, word3: number): boolean {
  return (word0 | word1 | word2 | word3) === 0
}

/** `::1` (RFC 4291, 2.5.3). */
export function isLoopback(word0: number, word1: number, word2: number, word3: number): boolean {
  return (word0 | word1 | word2 | (word3 ^ 1)) === 0
}
