// Messages of rtnetlink(7): questions for whole tables (dumps), and what their answers are made of. Of the kernel's making, in the machine's byte
// order; whatever does not fit its own lengths ends the reading.
//
//     | length 4 | type 2 | flags 2 | sequence 4 | port 4 | a fixed part | attribute | attribute ...      each padded to 4 bytes
//     attribute   | length 2 | type 2 | data
import { endianness } from 'node:os'

export const HEADER = 16
const ATTRIBUTE = 4

/** Types of messages. */
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const RTM_NEWLINK = 16
export const RTM_GETLINK = 18
export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22
export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26

/** Flags of messages: a question for all there is; the answer may be of two minds, for something changed meanwhile. */
const NLM_F_REQUEST = 0x001
const NLM_F_DUMP = 0x300
export const NLM_F_DUMP_INTR = 0x010

/** Groups that a socket may be told of. */
export const RTMGRP_IPV4_IFADDR = 0x010
export const RTMGRP_IPV4_ROUTE = 0x040
export const RTMGRP_IPV6_IFADDR = 0x100
export const RTMGRP_IPV6_ROUTE = 0x400

const isLittle = endianness() === 'LE'
const padded = (length: number): number => (length + 3) & ~3

/** A question for a whole table; `fixed`: the fixed part that goes with its type. */
export function dumpRequest(type: number, sequence: number, fixed: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + fixed.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, isLittle)
  view.setUint16(4, type, isLittle)
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, isLittle)
  view.setUint32(8, sequence, isLittle)
  bytes.set(fixed, HEADER)
  return bytes
}

/** One message, of the bytes that one call has received. */
export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** Behind the header. */
  readonly body: DataView
}

/** The messages in a piece of memory, up to the first that does not fit. */
export function messages(bytes: Uint8Array): Message[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: Message[] = []
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, isLittle)
    if (length < HEADER || length > bytes.length - at) break
    found.push({
      type: view.getUint16(at + 4, isLittle),
      flags: view.getUint16(at + 6, isLittle),
      sequence: view.getUint32(at + 8, isLittle),
      body: new DataView(bytes.buffer, bytes.byteOffset + at + HEADER, length - HEADER),
    })
    at += padded(length)
  }
  return found
}

/** The attributes behind a fixed part of so many bytes, by type. */
export function attributes(body: DataView, fixed: number): Map<number, DataView> {
  const found = new Map<number, DataView>()
  for (let at = padded(fixed); at + ATTRIBUTE <= body.byteLength; ) {
    const length = body.getUint16(at, isLittle)
    if (length < ATTRIBUTE || length > body.byteLength - at) break
    found.set(body.getUint16(at + 2, isLittle), new DataView(body.buffer, body.byteOffset + at + ATTRIBUTE, length - ATTRIBUTE))
    at += padded(length)
  }
  return found
}

/** A number in the machine's byte order. */
export const uint32 = (view: DataView, at: number): number => view.getUint32(at, isLittle)
export const int32 = (view: DataView, at: number): number => view.getInt32(at, isLittle)

/** A name, which ends with a zero. */
export function text(view: DataView): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const end = bytes.indexOf(0)
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8')
}
