import * as ethernet from '../../src/wire/ethernet.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import * as ipv6 from '../../src/wire/ipv6.js'
import * as extension from '../../src/wire/ipv6-extension.js'
import * as tcp from '../../src/wire/tcp.js'
import * as options from '../../src/wire/tcp-options.js'
import * as udp from '../../src/wire/udp.js'
import * as virtio from '../../src/wire/virtio-net.js'
import type { MicroCase } from './measure.js'

const view = new DataView(new ArrayBuffer(1 << 16))
const STRIDE = 128
const SLOTS = 256

const VNET = 0
const ETHERNET = 10
const IP = 24
const TCP = 44
const OPTIONS = 64

/** A data segment with a timestamp. */
function writeSegment(at: number, sequence: number): void {
  virtio.write(view, at + VNET, virtio.FLAG_NEEDS_CSUM, virtio.GSO_TCPV4, 66, 1448, 34, tcp.CHECKSUM_OFFSET)
  ethernet.write(view, at + ETHERNET, 0x5255, 0x0a000202, 0x4aad, 0xbeef1064, 0x0800)
  ipv4.write(view, at + IP, 52, 6, 0x0a000264, 0x0a000202, 0, 64, 0, 1)
  tcp.write(view, at + TCP, 58138, 443, sequence, 1, 32, tcp.ACK, 502)
  options.writeTimestamp(view, at + OPTIONS, sequence, 7)
}

/** What the way in reads of every frame: 5 + 2 + 6 + 7 fields. */
function readSegment(at: number): number {
  const ip = at + IP
  const segment = at + TCP
  if (!ethernet.isValid(view, at + ETHERNET, 66) || !ipv4.isValid(view, ip, 52) || !tcp.isValid(view, segment, 32)) return 0
  return (
    virtio.flags(view, at) ^
    virtio.gsoType(view, at) ^
    virtio.gsoSize(view, at) ^
    virtio.checksumStart(view, at) ^
    virtio.checksumOffset(view, at) ^
    ethernet.dstLow(view, at + ETHERNET) ^
    ethernet.etherType(view, at + ETHERNET) ^
    ipv4.headerLength(view, ip) ^
    ipv4.totalLength(view, ip) ^
    ipv4.protocol(view, ip) ^
    ipv4.source(view, ip) ^
    ipv4.destination(view, ip) ^
    (ipv4.isFragment(view, ip) ? 1 : 0) ^
    tcp.srcPort(view, segment) ^
    tcp.dstPort(view, segment) ^
    tcp.sequence(view, segment) ^
    tcp.acknowledgment(view, segment) ^
    tcp.headerLength(view, segment) ^
    tcp.flags(view, segment) ^
    tcp.window(view, segment)
  )
}

for (let slot = 0; slot < SLOTS; slot++) writeSegment(slot * STRIDE, slot)

const found = new Int32Array(options.LENGTH)
const SYN = 300 * STRIDE
options.writeSyn(view, SYN, 1460, 10, 1, 1, 1, 0)
const SACK = SYN + STRIDE
options.writeTimestamp(view, SACK, 1, 2)
options.writeSack(view, SACK + 12, Int32Array.of(1, 2, 3, 4, 5, 6), 0, 3)

function parse(name: string, at: number, length: number): MicroCase {
  return {
    name: `tcp-options.parse, ${name}`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) {
        if (options.parse(view, at, length, found)) sum ^= found[options.TS_VALUE]!
      }
      return sum
    },
  }
}

/** The header of a packet from fd00::100 to fd00::2. */
function write6(at: number, payload: number, next: number, label: number): void {
  ipv6.write(view, at, payload, next, 64, 0, label, 0xfd000000 | 0, 0, 0, 0x100, 0xfd000000 | 0, 0, 0, 2)
}

/** What the way in reads of every IPv6 packet: 5 fields and two addresses. */
function read6(at: number): number {
  if (!ipv6.isValid(view, at, STRIDE)) return 0
  return (
    ipv6.trafficClass(view, at) ^
    ipv6.flowLabel(view, at) ^
    ipv6.payloadLength(view, at) ^
    ipv6.nextHeader(view, at) ^
    ipv6.hopLimit(view, at) ^
    ipv6.source(view, at, 0) ^
    ipv6.source(view, at, 1) ^
    ipv6.source(view, at, 2) ^
    ipv6.source(view, at, 3) ^
    ipv6.destination(view, at, 0) ^
    ipv6.destination(view, at, 1) ^
    ipv6.destination(view, at, 2) ^
    ipv6.destination(view, at, 3)
  )
}

const IPV6 = 320 * STRIDE
const chain = new Int32Array(extension.COLUMNS)

/** `headers` of 8 bytes, each with a PadN, in front of UDP. */
function writeChain(slot: number, headers: number): number {
  const at = IPV6 + slot * STRIDE
  write6(at, 8 * headers + 8, headers === 0 ? 17 : 60, 0)
  for (let i = 0; i < headers; i++) {
    view.setInt32(at + 40 + 8 * i, ((i + 1 === headers ? 17 : 60) << 24) | 0x0104)
    view.setInt32(at + 44 + 8 * i, 0)
  }
  return at
}

function walk(name: string, slot: number, headers: number): MicroCase {
  const at = writeChain(slot, headers)
  return {
    name: `ipv6-extension.walk, ${name}`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum ^= extension.walk(view, at, chain) ^ chain[extension.OFFSET]!
      return sum
    },
  }
}

export const cases: readonly MicroCase[] = [
  {
    name: 'validate and read 20 header fields of a TCP segment',
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum = (sum + readSegment((i % SLOTS) * STRIDE)) | 0
      return sum
    },
  },
  {
    name: 'write the 76 header bytes of a TCP segment, IPv4 checksum included',
    run(count) {
      for (let i = 0; i < count; i++) writeSegment((i % SLOTS) * STRIDE, i)
      return view.getInt32(0)
    },
  },
  {
    name: 'write the 28 header bytes of a datagram, IPv4 checksum included',
    run(count) {
      const at = 310 * STRIDE
      for (let i = 0; i < count; i++) {
        ipv4.write(view, at, 1400, 17, 0x0a000264, 0x08080808, i & 0xffff, 64, 0, 0)
        udp.write(view, at + 20, i & 0xffff, 53, 1380)
      }
      return view.getInt32(at + 8)
    },
  },
  {
    name: 'validate and read 13 fields and address words of an IPv6 header',
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum ^= read6(IPV6 + (i & 1) * STRIDE)
      return sum
    },
  },
  {
    name: 'write the 40 bytes of an IPv6 header',
    run(count) {
      const at = IPV6 + 8 * STRIDE
      for (let i = 0; i < count; i++) write6(at, i & 0x7fff, 6, i & 0xfffff)
      return view.getInt32(at)
    },
  },
  walk('no extension header', 0, 0),
  walk('one header of options', 1, 1),
  walk('four headers of options', 2, 4),
  parse('timestamp', OPTIONS, 12),
  parse('SYN', SYN, 20),
  parse('timestamp and three SACK blocks', SACK, 40),
]
