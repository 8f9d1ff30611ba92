// Datagrams for the guest, from the host's sockets: many in one call (recvmmsg), and of those what can go on as one frame.
//
//   at    | room for headers | datagram 0 | datagram 1 | datagram 2 | ...          `stride` bytes each
//   rest  | room | datagram longer than that | room | another | ...
//
// A stream of datagrams nearly always has one length, so each is received right behind the one before: together they are a train already,
// which goes to the guest as it lies. What is longer comes to lie elsewhere, whole, and what is shorter ends the train. Headers are written
// in front of a train, over what has left before.
import type { NativeContext } from '../host/native.js'
import { PROTOCOL, ROW_SHIFT, SOCKET } from '../net/flow-row.js'
import type { Arena } from '../packet/arena.js'
import { MAX_PAYLOAD } from '../udp/udp.js'

const EAGAIN = 11

/** Length of the datagrams that a row's socket receives, as far as known: the column behind outgoing-trains.ts'. */
const STRIDE = PROTOCOL + 4

/** Messages of one call, when there are many, and when not: to prepare for many costs as much as a datagram. native/src/trains.c. */
const MANY = 64
const FEW = 4
/** Longest stride, and distance of what is longer, in bytes: native/src/trains.c. */
const LONGEST_STRIDE = 2048
const REST_BYTES = 68 << 10
/** Longest train, in datagrams: what a socket's receive buffer of the default size, which it is cut into, has room for. */
const TRAIN_DATAGRAMS = 64
/** Room for headers in front of the first datagram, bytes. */
const HEADROOM = 256
/** Words of a message in the scratch. */
const MESSAGE_WORDS = 10
/** Words of scratch that are in use while what has come is delivered. */
export const RECEIVED_WORDS: number = MANY * MESSAGE_WORDS

/** Bytes of arena for what is received. */
export const INCOMING_BYTES: number = HEADROOM + MANY * (LONGEST_STRIDE + REST_BYTES)

/** Takes what has arrived. */
export interface TrainReceiver {
  /**
   * A datagram of `length` bytes at `at`, or, where `segment` is not 0, as many as that makes of it, the last maybe shorter. `message`: scratch words
   * of the (first) message, see MESSAGE_*. There is room for headers in front.
   */
  deliver(row: number, at: number, length: number, segment: number, message: number): void
}

/** Words of a message. */
export const MESSAGE_PORT = 3
export const MESSAGE_TTL = 4
export const MESSAGE_TOS = 5
export const MESSAGE_SOURCE = 6 // four words

export class IncomingTrains {
  readonly #native: NativeContext
  readonly #rows: Int32Array
  readonly #words: Int32Array
  readonly #at: number
  readonly #rest: number
  readonly #receiver: TrainReceiver
  #max = FEW

  constructor(native: NativeContext, arena: Arena, rows: Int32Array, receiver: TrainReceiver) {
    this.#native = native
    this.#rows = rows
    this.#words = new Int32Array(native.scratch)
    this.#at = arena.allot(HEADROOM + MANY * LONGEST_STRIDE) + HEADROOM
    this.#rest = arena.allot(MANY * REST_BYTES)
    this.#receiver = receiver
  }

  /** A row whose socket was just opened. */
  begin(row: number): void {
    this.#rows[(row << ROW_SHIFT) + STRIDE] = 1
  }

  /** Takes what a row's socket has, up to a batch: how many messages, -1 when nothing is left. */
  receive(row: number): number {
    const base = row << ROW_SHIFT
    const stride = this.#rows[base + STRIDE]!
    const max = this.#max
    const count = this.#native.udpReceiveMany(this.#rows[base + SOCKET]!, this.#at, stride, this.#rest, max)
    if (count === -EAGAIN) return -1
    // Any other error is about an earlier datagram, and comes by the error queue.
    if (count < 0) return 0
    this.#max = count === max ? MANY : FEW
    let longest = 1
    for (let i = 0; i < count; ) {
      const length = this.#words[i * MESSAGE_WORDS + 1]!
      if (length > longest) longest = length
      i = this.#join(row, i, count, stride)
    }
    this.#rows[base + STRIDE] = Math.min(longest, LONGEST_STRIDE)
    return count < max ? -1 : count
  }

  /** Delivers message `first` and what goes with it; the message behind that. */
  #join(row: number, first: number, count: number, stride: number): number {
    const words = this.#words
    const at = first * MESSAGE_WORDS
    const length = words[at + 1]!
    let total = length
    let next = first + 1
    if (length === stride && words[at + 2] === 0) {
      const most = Math.min(count, first + TRAIN_DATAGRAMS)
      for (let isOpen = true; isOpen && next < most; next++) {
        const other = next * MESSAGE_WORDS
        const piece = words[other + 1]!
        if (piece > stride || piece === 0 || total + piece > MAX_PAYLOAD || !this.#isAlike(at, other)) break
        total += piece
        isOpen = piece === stride
      }
    }
    this.#receiver.deliver(row, words[at]!, total, next - first > 1 ? length : words[at + 2]!, at)
    return next
  }

  /** Whether two messages have the same source and headers, and neither is a train. */
  #isAlike(a: number, b: number): boolean {
    const words = this.#words
    for (let i = 2; i < MESSAGE_WORDS; i++) if (words[a + i] !== words[b + i]) return false
    return true
  }
}
