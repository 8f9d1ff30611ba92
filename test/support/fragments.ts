// A datagram in pieces, as a router or a guest's kernel cuts it (RFC 791, 3.2), or as no one does; and pieces put together by other means
// than the stack's, to compare with.
import assert from 'node:assert/strict'
import * as checksum from '../../src/wire/checksum.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import { IP_AT } from './frames.js'

const MORE = 0x2000

/** One piece: `length` bytes of a frame's payload from `offset` on; not the last one if `more`. */
export function piece(frame: Uint8Array, id: number, offset: number, length: number, more: boolean): Uint8Array {
  const header = ipv4.headerLength(new DataView(frame.buffer, frame.byteOffset), IP_AT)
  const at = IP_AT + header
  const bytes = new Uint8Array(at + length)
  bytes.set(frame.subarray(0, at))
  bytes.set(frame.subarray(at + offset, at + offset + length), at)
  const view = new DataView(bytes.buffer)
  view.setUint16(IP_AT + 2, header + length)
  view.setUint16(IP_AT + 4, id)
  view.setUint16(IP_AT + 6, (more ? MORE : 0) | (offset >> 3))
  view.setUint16(IP_AT + 10, 0)
  view.setUint16(IP_AT + 10, checksum.finish(checksum.add(view, IP_AT, header, 0)))
  return bytes
}

/** A frame in pieces of `size` bytes of payload, a multiple of 8. */
export function cut(frame: Uint8Array, size: number, id = 1): Uint8Array[] {
  const total = frame.length - IP_AT - ipv4.headerLength(new DataView(frame.buffer, frame.byteOffset), IP_AT)
  const pieces: Uint8Array[] = []
  for (let offset = 0; offset < total; offset += size)
    pieces.push(piece(frame, id, offset, Math.min(size, total - offset), offset + size < total))
  return pieces
}

/** The payload of the datagram that these frames are all pieces of. */
export function join(frames: readonly Uint8Array[]): Uint8Array {
  const parts = frames.map((frame) => {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
    assert.ok(ipv4.isValid(view, IP_AT, frame.length - IP_AT) && ipv4.checksumIsRight(view, IP_AT))
    const header = ipv4.headerLength(view, IP_AT)
    return {
      id: ipv4.identification(view, IP_AT),
      offset: ipv4.fragmentOffset(view, IP_AT),
      more: ipv4.moreFragments(view, IP_AT),
      bytes: frame.subarray(IP_AT + header, IP_AT + ipv4.totalLength(view, IP_AT)),
    }
  })
  parts.sort((a, b) => a.offset - b.offset)
  let end = 0
  parts.forEach((part, i) => {
    assert.equal(part.offset, end, 'a hole, or an overlap')
    assert.equal(part.id, parts[0]!.id)
    assert.equal(part.more, i < parts.length - 1)
    end += part.bytes.length
  })
  const whole = new Uint8Array(end)
  for (const part of parts) whole.set(part.bytes, part.offset)
  return whole
}
