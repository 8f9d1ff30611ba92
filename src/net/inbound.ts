// What is known of the frame that is being received: filled layer by layer, read by the layers above, valid until
// the next frame. One instance serves a network, so that nothing is allocated per packet.
//
// Both addresses lie in `words` as they do in a row of the flow table, four words each and IPv4 as IPv4-mapped (flow-row.ts), so that one
// key finds the flows of either family.
import * as checksum from '../wire/checksum.js'
import { MAPPED } from '../wire/numbers.js'

/** Receives the datagrams of one protocol. */
export interface ProtocolReceiver {
  /** `inbound` is filled up to payloadAt and payloadLength. */
  receive(inbound: Inbound): void
}

/** Who receives what, by its number. */
export type Protocols = (ProtocolReceiver | null)[]

export class Inbound {
  /** Arena offsets of the Ethernet header, the IP header and what follows it. */
  ethernetAt = 0
  ipAt = 0
  payloadAt = 0
  /** Bytes after the IP header, and after its extension headers. */
  payloadLength = 0
  /** Sender's MAC address. */
  macHigh = 0
  macLow = 0
  isIpv6 = false
  /** Source and destination, four words each. */
  readonly words = new Int32Array([0, 0, MAPPED, 0, 0, 0, MAPPED, 0])
  protocol = 0
  /** Source port << 16 | destination port; of an echo request its identifier << 16. */
  ports = 0
  /** Hop limit, of IPv6. */
  timeToLive = 0
  /** Traffic class, of IPv6. */
  typeOfService = 0
  /** 1 when no router may cut it: of IPv6 whatever came in one piece. */
  dontFragment: 0 | 1 = 0
  /** The transport's checksum was never computed, or was verified already: the frame did not cross a wire (NEEDS_CSUM, DATA_VALID). */
  isTrusted = false
  /** The second of them. */
  isVerified = false
  /** Of the virtio-net header, as arena offsets: where an open checksum begins to count (0: none is open), and its field; open-checksum.ts. */
  checksumAt = 0
  checksumField = 0
  /** One past the frame. */
  frameEnd = 0
  /** Of the virtio-net header: how a super-segment is to be cut. */
  gsoType = 0
  gsoSize = 0
  /** ms, when the batch was read. */
  now = 0

  /** Last word of the source: all of an IPv4 address. */
  get source(): number {
    return this.words[3]!
  }
  set source(word: number) {
    this.words[3] = word
  }

  /** Last word of the destination: all of an IPv4 address. */
  get destination(): number {
    return this.words[7]!
  }
  set destination(word: number) {
    this.words[7] = word
  }

  /** Makes it a packet of IPv4. */
  setIpv4(source: number, destination: number): void {
    const words = this.words
    this.isIpv6 = false
    words[0] = words[1] = words[4] = words[5] = 0
    words[2] = words[6] = MAPPED
    words[3] = source
    words[7] = destination
  }

  /** Makes it a packet of IPv6, by the header's two addresses: at `at`. */
  setIpv6(view: DataView, at: number): void {
    const words = this.words
    this.isIpv6 = true
    for (let i = 0; i < 8; i++) words[i] = view.getInt32(at + (i << 2))
  }

  /** The partial sum of the pseudo-header in front of `length` bytes of a protocol. */
  pseudoSum(protocol: number, length: number): number {
    return checksum.pseudoHeaderOf(this.words, this.isIpv6, protocol, length)
  }
}
