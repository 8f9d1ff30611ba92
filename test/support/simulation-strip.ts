// Something on the way that takes options out of SYNs, as middleboxes do (RFC 9293, 3.7.1 and RFC 7323, 2.2 live with it): NOPs take their
// place, so that either end believes the other does not have them.

import * as checksum from '../../src/wire/checksum.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import { PROTOCOL_TCP } from '../../src/wire/numbers.js'
import * as wire from '../../src/wire/tcp.js'
import { TRANSPORT_AT } from './frames.js'

/** Kinds of options (RFC 7323, RFC 2018). */
const KINDS = { scale: 3, sack: 4, timestamps: 8 } as const
const KIND_END = 0
const KIND_NOP = 1

/** The frame at `at` of `length` bytes is a SYN with a complete checksum. */
export function strip(view: DataView, at: number, length: number, names: readonly (keyof typeof KINDS)[]): void {
  const tcp = at + TRANSPORT_AT
  const end = tcp + wire.headerLength(view, tcp)
  const kinds: readonly number[] = names.map((name) => KINDS[name])
  for (let i = tcp + wire.HEADER_LENGTH; i < end; ) {
    const kind = view.getUint8(i)
    if (kind === KIND_END) break
    const size = kind === KIND_NOP ? 1 : view.getUint8(i + 1)
    if (kinds.includes(kind)) for (let j = i; j < i + size; j++) view.setUint8(j, KIND_NOP)
    i += size
  }
  const ip = tcp - ipv4.HEADER_LENGTH
  const bytes = length - TRANSPORT_AT
  wire.setChecksum(view, tcp, bytes, checksum.pseudoHeader4(ipv4.source(view, ip), ipv4.destination(view, ip), PROTOCOL_TCP, bytes))
}
