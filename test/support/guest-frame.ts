// Frames of a guest's TCP, put together and taken apart for the simulations: virtio-net header, Ethernet, IPv4, TCP. What is
// taken apart is checked on the way: a frame that a guest's kernel would refuse fails the test.
import assert from 'node:assert/strict'
import { MAX_DATAGRAM } from '../../src/packet/arena.js'
import * as checksum from '../../src/wire/checksum.js'
import * as ethernet from '../../src/wire/ethernet.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import { ETHERTYPE_IPV4, PROTOCOL_TCP } from '../../src/wire/numbers.js'
import * as wire from '../../src/wire/tcp.js'
import * as options from '../../src/wire/tcp-options.js'
import * as virtio from '../../src/wire/virtio-net.js'

const IP_AT = virtio.HEADER_LENGTH + ethernet.HEADER_LENGTH
const TCP_AT = IP_AT + ipv4.HEADER_LENGTH
const GUEST_MAC_LOW = 0x1234

/** Addresses and ports, the guest's first. */
export interface Endpoints {
  readonly guest: number
  readonly remote: number
  readonly guestPort: number
  readonly remotePort: number
}

export interface TcpFields {
  readonly seq: number
  readonly ack: number
  /** Control bits, as wire/tcp.ts names them. */
  readonly flags: number
  readonly window: number
  /** A multiple of 4 bytes. */
  readonly options: Uint8Array
  readonly text: Uint8Array
}

export interface ReceivedSegment extends TcpFields {
  /** Source port << 16 | destination port. */
  readonly ports: number
  /** 0: one packet. */
  readonly gsoSize: number
  /** Columns of wire/tcp-options.ts. */
  readonly parsed: Int32Array
}

/** A frame of the guest. With `gsoSize` it is a super-segment, whose checksum is not computed. */
export function guestFrame(e: Endpoints, s: TcpFields, gsoSize = 0): Uint8Array {
  const header = wire.HEADER_LENGTH + s.options.length
  const total = header + s.text.length
  const frame = new Uint8Array(TCP_AT + total)
  const view = new DataView(frame.buffer)
  const flag = gsoSize > 0 ? virtio.FLAG_NEEDS_CSUM : 0
  virtio.write(view, 0, flag, gsoSize > 0 ? virtio.GSO_TCPV4 : 0, gsoSize > 0 ? TCP_AT - 10 + header : 0, gsoSize, 34, 16)
  ethernet.write(view, virtio.HEADER_LENGTH, 0x5255, 0x0a000202, 0x0200, GUEST_MAC_LOW, ETHERTYPE_IPV4)
  ipv4.write(view, IP_AT, ipv4.HEADER_LENGTH + total, PROTOCOL_TCP, e.guest, e.remote, 7, 64, 0, 1)
  wire.write(view, TCP_AT, e.guestPort, e.remotePort, s.seq, s.ack, header, s.flags, s.window)
  frame.set(s.options, TCP_AT + wire.HEADER_LENGTH)
  frame.set(s.text, TCP_AT + header)
  const pseudo = checksum.pseudoHeader4(e.guest, e.remote, PROTOCOL_TCP, total)
  if (gsoSize > 0) wire.setPartial(view, TCP_AT, pseudo)
  else wire.setChecksum(view, TCP_AT, total, pseudo)
  return frame
}

/** Takes a frame of the stack apart; null when it is not TCP. */
export function readFrame(frame: Uint8Array, mtu: number): ReceivedSegment | null {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  assert.ok(frame.length >= IP_AT, 'a frame without room for its headers')
  if (ethernet.etherType(view, virtio.HEADER_LENGTH) !== ETHERTYPE_IPV4) return null
  assert.ok(ipv4.checksumIsRight(view, IP_AT) && ipv4.headerLength(view, IP_AT) === ipv4.HEADER_LENGTH, 'a bad IPv4 header')
  // BIG TCP says 0, and means the frame's length (Linux 6.3).
  const whole = frame.length - IP_AT
  assert.equal(ipv4.totalLength(view, IP_AT), whole > MAX_DATAGRAM ? 0 : whole, 'a bad total length')
  if (ipv4.protocol(view, IP_AT) !== PROTOCOL_TCP) return null
  const total = whole - ipv4.HEADER_LENGTH
  assert.ok(wire.isValid(view, TCP_AT, total), 'a bad TCP header')
  const header = wire.headerLength(view, TCP_AT)
  return parse(frame, checkOffload(view, mtu, total, header))
}

/** The fields of a frame that is sound. */
export function parse(frame: Uint8Array, gsoSize = 0): ReceivedSegment {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const total = frame.length - TCP_AT
  const header = wire.headerLength(view, TCP_AT)
  const parsed = new Int32Array(options.LENGTH)
  assert.ok(options.parse(view, TCP_AT + wire.HEADER_LENGTH, header - wire.HEADER_LENGTH, parsed), 'bad options')
  return {
    ports: wire.ports(view, TCP_AT),
    seq: wire.sequence(view, TCP_AT),
    ack: wire.acknowledgment(view, TCP_AT),
    flags: wire.flags(view, TCP_AT),
    window: wire.window(view, TCP_AT),
    options: frame.slice(TCP_AT + wire.HEADER_LENGTH, TCP_AT + header),
    text: frame.slice(TCP_AT + header, TCP_AT + total),
    gsoSize,
    parsed,
  }
}

// What virtio_net_hdr_to_skb and the receiver's checksum verification ask for.
function checkOffload(view: DataView, mtu: number, total: number, header: number): number {
  const pseudo = checksum.pseudoHeader4(ipv4.source(view, IP_AT), ipv4.destination(view, IP_AT), PROTOCOL_TCP, total)
  const isPartial = (virtio.flags(view, 0) & virtio.FLAG_NEEDS_CSUM) !== 0
  if (isPartial) {
    assert.equal(virtio.checksumStart(view, 0), TCP_AT - virtio.HEADER_LENGTH)
    assert.equal(virtio.checksumOffset(view, 0), wire.CHECKSUM_OFFSET)
    assert.equal(wire.checksum(view, TCP_AT), pseudo, 'not the sum of the pseudo-header')
  } else {
    assert.ok(wire.checksumIsRight(view, TCP_AT, total, pseudo), 'a bad TCP checksum')
  }
  if (virtio.gsoType(view, 0) === virtio.GSO_NONE) {
    assert.ok(ipv4.HEADER_LENGTH + total <= mtu, `${ipv4.HEADER_LENGTH + total} bytes on a link of ${mtu}`)
    return 0
  }
  assert.ok(isPartial && virtio.gsoType(view, 0) === virtio.GSO_TCPV4)
  assert.equal(virtio.headerLength(view, 0), TCP_AT - virtio.HEADER_LENGTH + header)
  const size = virtio.gsoSize(view, 0)
  assert.ok(size > 0 && ipv4.HEADER_LENGTH + header + size <= mtu, `pieces of ${size} bytes on a link of ${mtu}`)
  return size
}
