// Something on the way that takes options out of SYNs, as middleboxes do (RFC 9293, 3.7.1 and RFC 7323, 2.2 live with it): NOPs take their
// place, so that either end believes the other does not have them.

import * as wire from '../../src/wire/tcp.js'
import { pseudoSum, tcpAt } from './tcp-in-frame.js'

/** Kinds of options (RFC 7323, RFC 2018). */
const KINDS = { scale: 3, sack: 4, timestamps: 8 } as const
const KIND_END = 0
const KIND_NOP = 1

/** The frame at `at` of `length` bytes is a SYN with a complete checksum. */
export function strip(view: DataView, at: number, length: number, names: readonly (keyof typeof KINDS)[]): void {
  const tcp = tcpAt(view, at)
  const end = tcp + wire.headerLength(view, tcp)
  const kinds: readonly number[] = names.map((name) => KINDS[name])
  for (let i = tcp + wire.HEADER_LENGTH; i < end; ) {
    const kind = view.getUint8(i)
    if (kind === KIND_END) break
    const size = kind === KIND_NOP ? 1 : view.getUint8(i + 1)
    if (kinds.includes(kind)) for (let j = i; j < i + size; j++) view.setUint8(j, KIND_NOP)
    i += size
  }
  wire.setChecksum(view, tcp, at + length - tcp, pseudoSum(view, at, length))
}
