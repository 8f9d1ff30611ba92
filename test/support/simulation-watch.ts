// What one side of a simulated connection promises on the wire, checked frame by frame as it sends them, whatever becomes of them then:
//
//   - acknowledgment and right edge of the window never move back, and what is acknowledged is in its host's kernel
//   - text is what its host wrote, and lies in the window that the other side has told it (but for one byte of a probe)
//   - no frame is longer than the MTU, no SACK block beside what was sent
import assert from 'node:assert/strict'
import * as wire from '../../src/wire/tcp.js'
import * as options from '../../src/wire/tcp-options.js'
import * as virtio from '../../src/wire/virtio-net.js'
import type { SimulatedHost } from './simulation-host.js'
import { isText } from './simulation-text.js'
import { hasTcp, tcpAt } from './tcp-in-frame.js'

/** One segment as it stands in a frame. */
export class Seen {
  seq = 0
  ack = 0
  flags = 0
  window = 0
  textAt = 0
  textLength = 0
  gsoSize = 0
  readonly options = new Int32Array(options.LENGTH)

  /** False when it is no TCP, or not whole enough to be read. */
  read(view: DataView, at: number, length: number): boolean {
    const tcp = tcpAt(view, at)
    const total = at + length - tcp
    if (total < wire.HEADER_LENGTH || !hasTcp(view, at) || !wire.isValid(view, tcp, total)) return false
    const header = wire.headerLength(view, tcp)
    this.seq = wire.sequence(view, tcp)
    this.ack = wire.acknowledgment(view, tcp)
    this.flags = wire.flags(view, tcp)
    this.window = wire.window(view, tcp)
    this.textAt = tcp + header
    this.textLength = total - header
    this.gsoSize = virtio.gsoType(view, at) === virtio.GSO_NONE ? 0 : virtio.gsoSize(view, at)
    options.parse(view, tcp + wire.HEADER_LENGTH, header - wire.HEADER_LENGTH, this.options)
    return true
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0
  }
}

export class Watch {
  readonly seen = new Seen()
  /** Initial sequence number, once a SYN was sent, and that of the other side. */
  isn = 0
  #hasIsn = false
  #peerIsn = 0
  #hasPeerIsn = false
  /** In bytes from the initial sequence number: one past the highest sent, the highest acknowledgment and right edge told. */
  sent = 0
  acked = 0
  edge = 0
  /** Right edge that this side has been told by the other. */
  permitted = 0
  frames = 0
  #scale = 0
  #hasScale = false
  readonly #host: SimulatedHost
  readonly #bytes: Buffer
  readonly #longest: number
  readonly #isOfOneConnection: boolean
  #peer: Watch = this

  /** `longest` datagram in bytes. `isOfOneConnection`: what arrives is of this connection, and told this side what it says. */
  constructor(host: SimulatedHost, bytes: Uint8Array, longest: number, isOfOneConnection: boolean) {
    this.#host = host
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#longest = longest
    this.#isOfOneConnection = isOfOneConnection
  }

  join(peer: Watch): void {
    this.#peer = peer
    peer.#peer = this
  }

  /** A new connection begins, after the end of another one. */
  restart(): void {
    this.#hasIsn = this.#hasPeerIsn = this.#hasScale = false
    this.sent = this.acked = this.edge = this.permitted = this.#scale = 0
  }

  /** A frame of this side, in `seen`; `length` is the datagram's. */
  sends(length: number): void {
    const s = this.seen
    this.frames++
    assert.ok(length <= this.#longest, `a datagram of ${length} bytes, and ${this.#longest} are possible`)
    // Also what belongs to no connection, or to one before, is answered: by a reset.
    if (s.has(wire.RST) || !this.#host.isUsed) return
    if (s.has(wire.SYN)) this.#sendsSyn()
    const seq = (s.seq - this.isn) | 0
    const end = seq + s.textLength + (s.has(wire.FIN) ? 1 : 0)
    this.#checkText(seq)
    this.sent = Math.max(this.sent, end)
    if (s.has(wire.ACK)) this.#checkAck()
  }

  #sendsSyn(): void {
    const s = this.seen
    assert.ok(!this.#hasIsn || this.isn === s.seq, 'another initial sequence number')
    this.isn = s.seq
    this.#hasIsn = true
    if (s.has(wire.ACK)) this.#knowPeer((s.ack - 1) | 0)
    const scale = s.options[options.WINDOW_SCALE]!
    this.#hasScale = scale >= 0
    this.#scale = Math.max(0, scale)
    this.sent = Math.max(this.sent, 1)
  }

  #knowPeer(isn: number): void {
    this.#peerIsn = isn
    this.#hasPeerIsn = true
  }

  get #shift(): number {
    return this.#hasScale && this.#peer.#hasScale ? this.#scale : 0
  }

  #checkText(seq: number): void {
    const { textAt, textLength } = this.seen
    if (textLength === 0) return
    const end = seq + textLength
    assert.ok(isText(this.#bytes, textAt, textLength, this.#host.key, seq - 1), `${textLength} bytes at ${seq} that were not written`)
    assert.ok(end - 1 <= this.#host.written, `text up to ${end}, and ${this.#host.written} bytes are written`)
    const permitted = this.#isOfOneConnection ? this.permitted : this.#peer.edge
    const isProbe = textLength === 1 && seq <= permitted
    assert.ok(isProbe || end <= permitted, `text from ${seq} to ${end} in a window up to ${permitted}`)
  }

  #checkAck(): void {
    const s = this.seen
    const ack = (s.ack - this.#peerIsn) | 0
    const edge = ack + (s.window << (s.has(wire.SYN) ? 0 : this.#shift))
    const inKernel = 1 + this.#host.received + (this.#host.sawEnd ? 1 : 0)
    assert.ok(ack >= this.acked, `acknowledged ${this.acked}, then ${ack}`)
    assert.ok(ack <= inKernel, `acknowledged ${ack}, and the host's kernel has ${inKernel}`)
    assert.ok(edge >= this.edge, `a window up to ${this.edge}, then ${edge}`)
    this.acked = ack
    this.edge = edge
    for (let i = 0; i < s.options[options.SACK_COUNT]!; i++) {
      const left = (s.options[options.SACK_LEFT + 2 * i]! - this.#peerIsn) | 0
      const right = (s.options[options.SACK_LEFT + 2 * i + 1]! - this.#peerIsn) | 0
      // RFC 2883: the first block may repeat what is acknowledged already.
      const isSent = this.#peer.isn !== this.#peerIsn || right <= this.#peer.sent
      assert.ok(left < right && isSent && (i === 0 || left > ack), `a block ${left} to ${right} beside ${ack}`)
    }
  }

  /** A frame of the other side has arrived; `s` is it. */
  receives(s: Seen): void {
    if (!s.has(wire.ACK) || s.has(wire.RST)) return
    const ack = (s.ack - this.isn) | 0
    if (s.has(wire.SYN) && ack === 1 && !this.#hasPeerIsn) this.#knowPeer(s.seq)
    const shift = s.has(wire.SYN) ? 0 : this.#peer.#shift
    this.permitted = Math.max(this.permitted, ack + (s.window << shift))
  }
}
