// Frames of a guest that means ill: to and from anybody, with lengths and offsets that lie, cut short, filled up, or with bytes changed,
// and checksums that are right all the same.
import * as checksum from '../../src/wire/checksum.js'
import * as icmp from '../../src/wire/icmpv4.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../../src/wire/numbers.js'
import * as tcp from '../../src/wire/tcp.js'
import * as udp from '../../src/wire/udp.js'
import { bendPieces } from './bent-pieces.js'
import { cut, piece } from './fragments.js'
import {
  arpFrame,
  BROADCAST_MAC,
  GATEWAY_MAC,
  GUEST_MAC,
  IP_AT,
  icmpFrame,
  type Mac,
  type Route,
  TRANSPORT_AT,
  tcpFrame,
  udpFrame,
} from './frames.js'
import type { Random } from './random.js'
import { DNS, GATEWAY, GUEST, NETWORK } from './simulated-stack.js'

export const BROADCAST = 0x0a0002ff
export const REMOTE = 0xc0000207 | 0
const ADDRESSES = [
  GATEWAY,
  GATEWAY,
  REMOTE,
  REMOTE,
  REMOTE,
  0xc6336401 | 0,
  DNS,
  0x0a00024d,
  BROADCAST,
  NETWORK,
  -1,
  0xe0000001 | 0,
  0x7f000001,
  0,
  GUEST,
]
const SOURCES = [GUEST, GUEST, GUEST, GUEST, GUEST, GUEST, GUEST, 0x0a000265, 0x08080808, ...ADDRESSES]
const MACS: readonly Mac[] = [GUEST_MAC, GUEST_MAC, GUEST_MAC, GUEST_MAC, [0x0200, 0x99], BROADCAST_MAC, [0x3333, 1], [0, 0]]

const payload = (random: Random): Uint8Array => {
  const length = random.pick([0, 0, 1, 8, random.below(100), random.below(1500), random.below(3000), random.chance(10) ? 60_000 : 20])
  const bytes = new Uint8Array(length).fill(random.below(256))
  // Where a longer header makes options of it: kinds and lengths that mean something.
  if (random.chance(30)) for (let i = 0; i < Math.min(length, 40); i++) bytes[i] = random.pick([0, 1, 2, 3, 4, 5, 8, 10, 255])
  return bytes
}

/** A frame as a guest would send it, to anybody. */
export function wellFormed(random: Random, seqOf: (port: number) => [number, number]): Uint8Array {
  const r: Route = {
    source: random.pick(SOURCES),
    destination: random.pick(ADDRESSES),
    from: random.pick(MACS),
    to: random.chance(90) ? GATEWAY_MAC : BROADCAST_MAC,
  }
  const kind = random.below(100)
  if (kind < 50) {
    const port = 1000 + random.below(4)
    const [seq, ack] = seqOf(port)
    const flags = random.pick([
      tcp.SYN,
      tcp.SYN,
      tcp.ACK,
      tcp.ACK,
      tcp.ACK | tcp.PSH,
      tcp.ACK | tcp.FIN,
      tcp.RST,
      tcp.SYN | tcp.ACK,
      random.below(256),
    ])
    return tcpFrame(
      { ...r, source: GUEST, destination: random.chance(80) ? REMOTE : r.destination },
      [port, 80],
      seq,
      ack,
      flags,
      payload(random),
    )
  }
  if (kind < 70) return udpFrame(r, 1000 + random.below(4), random.pick([0, 53, 80, random.below(65_536)]), payload(random))
  if (kind < 85)
    return icmpFrame(r, random.pick([8, 8, 8, 0, 3, 5, 11, 12, random.below(256)]), random.below(16), random.int32(), payload(random))
  if (kind < 95)
    return arpFrame(random.pick(MACS), random.pick(SOURCES), random.pick(ADDRESSES), random.pick([1, 1, 1, 2, random.below(65_536)]))
  const junk = new Uint8Array(random.below(200))
  for (let i = 0; i < junk.length; i++) junk[i] = random.below(256)
  return junk
}

/** Lies about lengths and offsets, where there is something to lie about. */
export function lie(random: Random, frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer)
  const word = random.pick([0, 1, 4, 7, 19, 20, 21, 28, 60, frame.length - IP_AT, frame.length - IP_AT + 1, 0xffff, random.below(65_536)])
  // A short frame has only its own length, and its bytes.
  switch (frame.length < TRANSPORT_AT + 20 ? 5 + random.below(3) : random.below(9)) {
    case 0:
      view.setUint16(IP_AT + 2, word)
      return frame
    case 1:
      view.setUint8(IP_AT, random.pick([0x40, 0x44, 0x45, 0x46, 0x4f, 0x65, random.below(256)]))
      return frame
    case 2:
      view.setUint16(TRANSPORT_AT + 4, word)
      return frame
    case 3:
      view.setUint8(TRANSPORT_AT + 12, random.below(16) << 4)
      return frame
    case 4:
      view.setUint16(IP_AT + 6, random.pick([0x2000, 0x4000, 0x8000, 1, 0x1fff, random.below(65_536)]))
      return frame
    case 5:
      return frame.slice(0, random.below(frame.length + 1))
    case 8: {
      // Cut, and saying so.
      const cut = frame.slice(0, IP_AT + ipv4.HEADER_LENGTH + random.below(24))
      new DataView(cut.buffer).setUint16(IP_AT + 2, cut.length - IP_AT)
      return cut
    }
    case 6: {
      const longer = new Uint8Array(frame.length + random.below(100))
      longer.set(frame)
      return longer
    }
    default:
      for (let flips = random.between(1, 8); flips > 0 && frame.length > 0; flips--)
        view.setUint8(random.below(frame.length), random.below(256))
      return frame
  }
}

/**
 * A frame in pieces that need not be all of it, nor fit each other: some missing, twice, out of order, moved, or of another datagram. A frame
 * that cannot be cut is one piece.
 */
export function inPieces(random: Random, frame: Uint8Array): Uint8Array[] {
  const view = new DataView(frame.buffer)
  const length = frame.length - TRANSPORT_AT
  if (length < 16 || view.getUint8(IP_AT) !== 0x45 || ipv4.totalLength(view, IP_AT) !== frame.length - IP_AT) return [frame]
  // A few identifiers, so that pieces of several frames meet.
  const id = random.below(4)
  const size = 8 * random.between(Math.max(1, length >> 7), Math.max(1, length >> 3))
  const pieces = cut(frame, size, id)
  const other = (offset: number, size: number, isMore: boolean) => piece(frame, id, offset, size, isMore)
  return bendPieces(random, pieces, length, other, (one) => lie(random, one))
}

/** Makes the checksums right again where they can be, so that the lie gets further. */
export function mend(frame: Uint8Array): void {
  if (frame.length < TRANSPORT_AT) return
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const header = ipv4.headerLength(view, IP_AT)
  if (header < 20 || IP_AT + header > frame.length) return
  view.setUint16(IP_AT + 10, 0)
  view.setUint16(IP_AT + 10, checksum.finish(checksum.add(view, IP_AT, header, 0)))
  const at = IP_AT + header
  const length = ipv4.totalLength(view, IP_AT) - header
  if (length < 0 || at + length > frame.length) return
  const protocol = ipv4.protocol(view, IP_AT)
  const pseudo = checksum.pseudoHeader4(ipv4.source(view, IP_AT), ipv4.destination(view, IP_AT), protocol, length)
  if (protocol === PROTOCOL_TCP && length >= tcp.HEADER_LENGTH) tcp.setChecksum(view, at, length, pseudo)
  if (protocol === PROTOCOL_ICMP && length >= icmp.HEADER_LENGTH) icmp.setChecksum(view, at, length)
  if (protocol === PROTOCOL_UDP && udp.isValid(view, at, length)) {
    udp.setChecksum4(view, at, ipv4.source(view, IP_AT), ipv4.destination(view, IP_AT))
  }
}
