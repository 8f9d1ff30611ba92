// A packet of IPv6 in pieces (RFC 8200, 4.5), as a guest's kernel cuts it, or as no one does; and pieces put together by other means than
// the stack's: as fragments.ts has those of IPv4.
import assert from 'node:assert/strict'
import * as ipv6 from '../../src/wire/ipv6.js'
import * as extension from '../../src/wire/ipv6-extension.js'
import { IP_AT } from './frames.js'

const PAYLOAD_AT = IP_AT + ipv6.HEADER_LENGTH

/**
 * One piece: `length` bytes of a frame's fragmentable part from `offset` on; not the last one if `more`. `before`: bytes of extension headers
 * that each piece has, the last of which begins at `last` of them.
 */
export function piece6(frame: Uint8Array, id: number, offset: number, length: number, more: boolean, before = 0, last = 0): Uint8Array {
  const at = PAYLOAD_AT + before
  const bytes = new Uint8Array(at + extension.FRAGMENT_HEADER_LENGTH + length)
  bytes.set(frame.subarray(0, at))
  bytes.set(frame.subarray(at + offset, at + offset + length), at + extension.FRAGMENT_HEADER_LENGTH)
  const view = new DataView(bytes.buffer)
  const namedAt = before === 0 ? IP_AT + ipv6.NEXT_HEADER_OFFSET : PAYLOAD_AT + last
  extension.writeFragment(view, at, bytes[namedAt]!, offset, more ? 1 : 0, id)
  bytes[namedAt] = extension.FRAGMENT_HEADER
  ipv6.setPayloadLength(view, IP_AT, bytes.length - PAYLOAD_AT)
  return bytes
}

/** A frame in pieces of `size` bytes, a multiple of 8. */
export function cut6(frame: Uint8Array, size: number, id = 1, before = 0, last = 0): Uint8Array[] {
  const total = frame.length - PAYLOAD_AT - before
  const pieces: Uint8Array[] = []
  for (let offset = 0; offset < total; offset += size)
    pieces.push(piece6(frame, id, offset, Math.min(size, total - offset), offset + size < total, before, last))
  return pieces
}

/** The transport's bytes of the packet that these frames are all pieces of, without other extension headers. */
export function join6(frames: readonly Uint8Array[]): Uint8Array {
  if (frames.length === 1) return frames[0]!.slice(PAYLOAD_AT)
  const parts = frames.map((frame) => {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
    assert.ok(ipv6.isValid(view, IP_AT, frame.length - IP_AT) && ipv6.nextHeader(view, IP_AT) === extension.FRAGMENT_HEADER)
    return {
      id: extension.identification(view, PAYLOAD_AT),
      next: extension.fragmentNextHeader(view, PAYLOAD_AT),
      offset: extension.fragmentOffset(view, PAYLOAD_AT),
      more: extension.moreFragments(view, PAYLOAD_AT),
      bytes: frame.slice(PAYLOAD_AT + extension.FRAGMENT_HEADER_LENGTH),
    }
  })
  parts.sort((a, b) => a.offset - b.offset)
  let end = 0
  parts.forEach((part, i) => {
    assert.deepEqual([part.offset, part.id, part.next], [end, parts[0]!.id, parts[0]!.next], 'a hole, an overlap, or another packet')
    assert.equal(part.more, i < parts.length - 1)
    end += part.bytes.length
  })
  const whole = new Uint8Array(end)
  for (const part of parts) whole.set(part.bytes, part.offset)
  return whole
}
