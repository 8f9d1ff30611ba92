// Frames of a guest that means ill, over IPv6: as bent-frames.ts has those of IPv4, with extension headers, neighbor discovery and DHCPv6.
import type { Words } from '../../src/wire/address.js'
import * as checksum from '../../src/wire/checksum.js'
import * as icmp from '../../src/wire/icmpv6.js'
import * as ipv6 from '../../src/wire/ipv6.js'
import * as extension from '../../src/wire/ipv6-extension.js'
import { PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../../src/wire/numbers.js'
import * as tcp from '../../src/wire/tcp.js'
import * as udp from '../../src/wire/udp.js'
import { bendPieces } from './bent-pieces.js'
import { cut6, piece6 } from './fragments6.js'
import { BROADCAST_MAC, GUEST_MAC, IP_AT, type Mac } from './frames.js'
import {
  ALL_NODES,
  ALL_ROUTERS,
  advertisementFrame,
  destinationOptions,
  type Extension,
  fragment,
  hopByHop,
  icmp6Frame,
  LINK_LOCAL,
  packetFrame,
  REMOTE6,
  type Route6,
  routerSolicitationFrame,
  routing,
  solicitationFrame,
  sourceLink,
  TRANSPORT6_AT,
  targetLink,
  tcp6Frame,
  UNSPECIFIED,
  udp6Frame,
} from './frames6.js'
import type { Random } from './random.js'
import { DNS6, GATEWAY6, GUEST6, NETWORK6, ROUTER6 } from './simulated-stack.js'

const ALL_SERVERS: Words = [0xff020000 | 0, 0, 0, 0x00010002]
const ADDRESSES: readonly Words[] = [
  GATEWAY6,
  GATEWAY6,
  REMOTE6,
  REMOTE6,
  REMOTE6,
  [0x20010db8, 1, 2, 3],
  DNS6,
  ROUTER6,
  NETWORK6,
  [0xfd000000 | 0, 0, 0, 0x4d],
  [0xfe800000 | 0, 0, 0, 0x77],
  ALL_NODES,
  ALL_ROUTERS,
  ALL_SERVERS,
  [0xff020000 | 0, 0, 1, 0xff000000 | 2 | 0],
  [0xff010000 | 0, 0, 0, 1],
  [0xff0e0000 | 0, 0, 0, 0xfb],
  [0, 0, 0, 1],
  [0, 0, 0xffff, 0x7f000001],
  [0, 0, 0, 0x7f000001],
  UNSPECIFIED,
  GUEST6,
]
const SOURCES: readonly Words[] = [
  ...Array<Words>(10).fill(GUEST6),
  ...Array<Words>(6).fill(LINK_LOCAL),
  [0xfd000000 | 0, 0, 0, 0x101],
  ...ADDRESSES,
]
const MACS: readonly Mac[] = [GUEST_MAC, GUEST_MAC, GUEST_MAC, GUEST_MAC, [0x0200, 0x99], BROADCAST_MAC, [0x3333, 1], [0, 0]]
const PROTOCOLS = [0, 1, 6, 17, 43, 44, 50, 51, 58, 59, 60, 132, 135, 139, 140, 253]

const bytesOf = (random: Random, length: number): Uint8Array => new Uint8Array(length).map(() => random.below(256))

const payload = (random: Random): Uint8Array => {
  const length = random.pick([0, 0, 1, 8, random.below(100), random.below(1500), random.below(3000), random.chance(10) ? 60_000 : 20])
  return random.chance(50) ? new Uint8Array(length).fill(random.below(256)) : bytesOf(random, length)
}

/** Options as they are, in whole units of 8 bytes, the first two bytes taken off. */
const optionBytes = (random: Random): number[] => {
  const length = 6 + 8 * random.pick([0, 0, 0, 1, 3])
  if (random.chance(40)) return [...new Uint8Array(length)]
  return Array.from({ length }, () => random.pick([0, 0, 1, 2, 4, 5, 0xc2, 0x9e, 0x5e, 0xde, 0x1e, random.below(256)]))
}

function anyExtension(random: Random): Extension {
  switch (random.below(5)) {
    case 0:
      return hopByHop(optionBytes(random))
    case 1:
    case 2: {
      const { number, bytes } = destinationOptions(optionBytes(random))
      return { number, bytes: [0, (bytes.length >> 3) - 1, ...bytes.slice(2)] }
    }
    case 3:
      return routing(random.pick([0, 0, 1, 255]))
    default:
      return fragment(random.pick([0, 0, 8, 65_528, 8 * random.below(8192)]), random.chance(50) ? 1 : 0, random.below(4))
  }
}

const extensionsOf = (random: Random): Extension[] =>
  random.chance(60) ? [] : Array.from({ length: random.pick([1, 1, 1, 2, 2, 3, 9, 12]) }, () => anyExtension(random))

/** Options of neighbor discovery: well-formed, or nearly so. */
const ndpOption = (random: Random): number[] => {
  const mac = random.pick(MACS)
  const own = random.pick([
    [],
    sourceLink(mac),
    sourceLink(mac),
    targetLink(mac),
    targetLink(mac),
    [5, 1, 0, 0, 0, 0, 5, 0],
    [14, 1, 1, 2, 3, 4, 5, 6],
  ])
  return random.chance(90)
    ? own
    : [...own, random.below(256), random.pick([0, 1, 1, 2, 255]), ...bytesOf(random, random.pick([0, 6, 6, 14]))]
}

/** A message of a DHCPv6 client, with options that may be anything. */
function dhcpv6Frame(random: Random, r: Partial<Route6>): Uint8Array {
  const message = [random.pick([1, 11, 11, 11, 3, random.below(256)]), 1, 2, 3]
  for (let n = random.below(5); n > 0; n--) {
    const value = bytesOf(random, random.pick([0, 2, 2, 4, 10, 14]))
    const length = random.chance(95) ? value.length : random.below(65_536)
    message.push(0, random.pick([1, 2, 6, 8, 14, 23, 24, 32, random.below(256)]), length >> 8, length & 255, ...value)
  }
  return udp6Frame({ source: LINK_LOCAL, destination: ALL_SERVERS, ...r }, 546, 547, Uint8Array.from(message))
}

/** A frame as a guest would send it, to anybody. */
export function wellFormed6(random: Random, seqOf: (port: number) => [number, number]): Uint8Array {
  const destination = random.pick(ADDRESSES)
  const hops = random.pick([64, 64, 64, 255, 255, 1, 0, 2])
  const r: Route6 = {
    source: random.pick(SOURCES),
    destination,
    from: random.pick(MACS),
    hops,
    extensions: extensionsOf(random),
    ...(random.chance(90) ? {} : { to: random.pick([BROADCAST_MAC, [0x5255, 0x0a000202], [0x0200, 7]] as Mac[]) }),
  }
  const sometimes = (): Partial<Route6> => (random.chance(80) ? { from: r.from! } : r)
  const kind = random.below(100)
  if (kind < 35) {
    const port = 1000 + random.below(4)
    const [seq, ack] = seqOf(port)
    const flags = random.pick([tcp.SYN, tcp.SYN, tcp.ACK, tcp.ACK, tcp.ACK | tcp.PSH, tcp.ACK | tcp.FIN, tcp.RST, random.below(256)])
    const to = random.chance(80) ? REMOTE6 : destination
    return tcp6Frame({ ...r, source: GUEST6, destination: to }, [port, 80], seq, ack, flags, payload(random))
  }
  if (kind < 50) return udp6Frame(r, 1000 + random.below(4), random.pick([0, 53, 80, 547, random.below(65_536)]), payload(random))
  if (kind < 65) {
    const type = random.pick([1, 2, 3, 4, 128, 128, 128, 129, 130, 133, 134, 135, 136, 137, 143, random.below(256)])
    return icmp6Frame(r, type, random.chance(80) ? 0 : random.below(8), random.int32(), payload(random))
  }
  if (kind < 75) return solicitationFrame(random.pick(ADDRESSES), sometimes(), ndpOption(random))
  if (kind < 82) {
    const target = random.chance(50) ? GUEST6 : random.pick(ADDRESSES)
    return advertisementFrame(target, random.below(8) << 29, sometimes(), ndpOption(random))
  }
  if (kind < 87) return routerSolicitationFrame(sometimes(), ndpOption(random))
  if (kind < 92) return dhcpv6Frame(random, sometimes())
  if (kind < 97) return packetFrame(r, random.pick(PROTOCOLS), payload(random))
  return bytesOf(random, random.below(200))
}

/** Lies about lengths and offsets, where there is something to lie about. */
export function lie6(random: Random, frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const behind = frame.length - TRANSPORT6_AT
  const word = random.pick([0, 1, 4, 7, 8, 40, behind, behind + 1, behind - 1, 0xffff, random.below(65_536)])
  // A short frame has only its own length, and its bytes.
  switch (behind < 16 ? 5 + random.below(3) : random.below(9)) {
    case 0:
      view.setUint16(IP_AT + 4, word)
      return frame
    case 1:
      view.setUint8(IP_AT, random.pick([0x40, 0x50, 0x60, 0x6f, random.below(256)]))
      return frame
    case 2:
      view.setUint16(TRANSPORT6_AT + 4, word)
      return frame
    case 3:
      view.setUint8(IP_AT + 6, random.pick(PROTOCOLS))
      return frame
    case 4:
      view.setUint8(TRANSPORT6_AT + random.below(4), random.pick([...PROTOCOLS, 255]))
      return frame
    case 5:
      return frame.slice(0, random.below(frame.length + 1))
    case 8: {
      // Cut, and saying so.
      const cut = frame.slice(0, TRANSPORT6_AT + random.below(Math.min(behind, 64)))
      ipv6.setPayloadLength(new DataView(cut.buffer), IP_AT, cut.length - TRANSPORT6_AT)
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

/** A frame in pieces that need not be all of it, nor fit each other. A frame that cannot be cut is one piece. */
export function inPieces6(random: Random, frame: Uint8Array): Uint8Array[] {
  const view = new DataView(frame.buffer)
  const length = frame.length - TRANSPORT6_AT
  if (length < 16 || !ipv6.isValid(view, IP_AT, frame.length - IP_AT)) return [frame]
  // A few identifiers, so that pieces of several frames meet.
  const id = random.below(4)
  const pieces = cut6(frame, 8 * random.between(Math.max(1, length >> 7), Math.max(1, length >> 3)), id)
  const other = (offset: number, size: number, isMore: boolean) => piece6(frame, id, offset, size, isMore)
  return bendPieces(random, pieces, length, other, (one) => lie6(random, one))
}

const found = new Int32Array(extension.COLUMNS)

/** Makes the transport's checksum right again where it can be, so that the lie gets further. */
export function mend6(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (!ipv6.isValid(view, IP_AT, frame.length - IP_AT) || extension.walk(view, IP_AT, found) !== extension.UPPER) return
  const at = IP_AT + found[extension.OFFSET]!
  const length = TRANSPORT6_AT + ipv6.payloadLength(view, IP_AT) - at
  const protocol = found[extension.PROTOCOL]!
  const pseudo = checksum.pseudoHeader6(view, IP_AT, protocol, length)
  if (protocol === PROTOCOL_TCP && length >= tcp.HEADER_LENGTH) tcp.setChecksum(view, at, length, pseudo)
  if (protocol === PROTOCOL_ICMPV6 && length >= icmp.HEADER_LENGTH) icmp.setChecksum(view, at, length, pseudo)
  if (protocol === PROTOCOL_UDP && udp.isValid(view, at, length))
    udp.setChecksum(view, at, checksum.pseudoHeader6(view, IP_AT, protocol, udp.length(view, at)))
}
