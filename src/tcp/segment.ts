// The segment being processed (RFC 9293, 3.3.1: SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND): one instance, filled from the wire.
import type { Inbound } from '../net/inbound.js'
import * as wire from '../wire/tcp.js'
import * as options from '../wire/tcp-options.js'

export class Segment {
  seq = 0
  ack = 0
  /** Control bits, as wire/tcp.ts names them. */
  flags = 0
  /** Its SYN has been dealt with, and taken off. */
  wasSyn = false
  /** Window as it stands in the header, unscaled. */
  window = 0
  /** Valid with URG. */
  urgentPointer = 0
  /** Arena offset and length of the text. */
  textAt = 0
  textLength = 0
  /** Columns of wire/tcp-options.ts. */
  readonly options = new Int32Array(options.LENGTH)

  /** Reads a header that isValid has proved. */
  read(view: DataView, inbound: Inbound): void {
    const at = inbound.payloadAt
    const headerLength = wire.headerLength(view, at)
    this.seq = wire.sequence(view, at)
    this.ack = wire.acknowledgment(view, at)
    this.flags = wire.flags(view, at)
    this.wasSyn = false
    this.window = wire.window(view, at)
    this.urgentPointer = (this.flags & wire.URG) === 0 ? 0 : wire.urgentPointer(view, at)
    this.textAt = at + headerLength
    this.textLength = inbound.payloadLength - headerLength
    // Bad options end the parse; what stood before them counts (RFC 9293, MUST-7).
    options.parse(view, at + wire.HEADER_LENGTH, headerLength - wire.HEADER_LENGTH, this.options)
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0
  }

  /** SEG.LEN: text, and one each for SYN and FIN. */
  get length(): number {
    return this.textLength + ((this.flags & wire.SYN) >>> 1) + (this.flags & wire.FIN)
  }

  get hasTimestamp(): boolean {
    return this.options[options.HAS_TIMESTAMP] === 1
  }
  get timestamp(): number {
    return this.options[options.TS_VALUE]!
  }
  get timestampEcho(): number {
    return this.options[options.TS_ECHO]!
  }
}
