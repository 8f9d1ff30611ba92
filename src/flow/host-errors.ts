// Errors that the host's kernel queued for a socket (ip(7), IP_RECVERR), told to the guest as the ICMP error about its own
// datagram that it would have got without us in between.
import type { NativeContext } from '../host/native.js'
import { GUEST_ADDRESS, MAC_HIGH, MAC_LOW, PORTS } from '../net/flow-row.js'
import type { Icmpv4 } from '../net/icmpv4.js'
import type { Interface } from '../net/interface.js'
import * as icmp from '../wire/icmpv4.js'
import { PROTOCOL_UDP } from '../wire/numbers.js'
import { unreachableCode } from './unreachable.js'

/** errno(3). */
export const EAGAIN = 11

/** Where the addon's errorReceive leaves what it read. */
const ERRNO = 0
const ORIGIN = 1
const TYPE = 2
const CODE = 3
const INFO = 4
const DESTINATION = 8 // last word of four
const DESTINATION_PORT = 9

/** ee_origin: an ICMP message said so, rather than the host itself (SO_EE_ORIGIN_ICMP). */
const FROM_ICMP = 2
/** Errors taken from one socket at a time: the rest comes with the next event. */
const MOST = 16
const LOOPBACK_NET = 127

export class HostErrors {
  readonly #native: NativeContext
  readonly #scratch: Int32Array
  readonly #icmp: Icmpv4
  readonly #interface: Interface
  readonly #protocol: number

  constructor(native: NativeContext, icmpv4: Icmpv4, iface: Interface, protocol: number) {
    this.#native = native
    this.#scratch = new Int32Array(native.scratch)
    this.#icmp = icmpv4
    this.#interface = iface
    this.#protocol = protocol
  }

  /** Empties the socket's error queue; each error goes to the guest of the row. */
  drain(socket: number, rows: Int32Array, base: number): void {
    const s = this.#scratch
    for (let i = 0; i < MOST && this.#native.errorReceive(socket) === 1; i++) {
      const isIcmp = s[ORIGIN] === FROM_ICMP
      const type = isIcmp ? s[TYPE]! : icmp.UNREACHABLE
      const code = isIcmp ? s[CODE]! : unreachableCode(s[ERRNO]!)
      // The next-hop MTU is in the second half of the word (RFC 1191, 4).
      const word = type === icmp.UNREACHABLE && code === icmp.FRAGMENTATION_NEEDED ? s[INFO]! & 0xffff : 0
      const host = s[DESTINATION]!
      const remote = host >>> 24 === LOOPBACK_NET ? this.#interface.addresses.gateway : host
      this.#tell(rows, base, remote, s[DESTINATION_PORT]!, type, code, word)
    }
  }

  #tell(rows: Int32Array, base: number, remote: number, port: number, type: number, code: number, word: number): void {
    const ports = rows[base + PORTS]!
    const isUdp = this.#protocol === PROTOCOL_UDP
    // An echo request is quoted by its own first word and its identifier; a datagram by its ports.
    const first = isUdp ? ports | port : icmp.ECHO << 24
    const second = isUdp ? 0 : ports
    const guest = rows[base + GUEST_ADDRESS + 3]!
    this.#icmp.sendErrorAbout(rows[base + MAC_HIGH]!, rows[base + MAC_LOW]!, guest, remote, this.#protocol, first, second, type, code, word)
  }
}
