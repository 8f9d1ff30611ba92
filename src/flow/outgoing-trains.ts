// Datagrams of the guest on their way to the host's sockets. A call of the kernel for each costs ten times what everything else about a
// datagram does, so those of one batch of frames wait until the batch ends, in a list for each row, and then leave in as few calls as can be.
//
//   rows   | row 7: FIRST -> 1, LAST -> 4 | row 9: FIRST -> 2, LAST -> 2 |
//   entry     1: at, length -> 3    2: at, length    3: at, length -> 4    4: at, length
//
// Entries of a row keep their order. Those that follow each other to one place and have one length, the last may be shorter, are a train: one
// message, that the kernel or the network card cuts (UDP_SEGMENT). What it cannot take as a train, it gets one by one.
//
// Only what stays where it is until the batch ends may wait: frames in the device's receive region.
import type { NativeContext } from '../host/native.js'
import { PROTOCOL, ROW_SHIFT, SOCKET } from '../net/flow-row.js'
import { MAX_PAYLOAD } from '../udp/udp.js'

const EIO = 5
const EAGAIN = 11
const EINVAL = 22
const EMSGSIZE = 90

/** A row's first and last entry, 0 none, and whether a train of it was refused: columns behind datagram-flows.ts'. */
const FIRST = PROTOCOL + 1
const LAST = PROTOCOL + 2
const HAS_NO_TRAINS = PROTOCOL + 3

/** Entries: as many as frames come in a batch. */
const ENTRIES = 256
/** Messages of one call, native/src/trains.c. */
const MESSAGES = 64
/** Datagrams of a train (linux/udp.h: UDP_MAX_SEGMENTS; 64 before Linux 6.2). */
const TRAIN_DATAGRAMS = 64
/** Words of a message in the scratch in front of its pieces. */
const MESSAGE_WORDS = 7

/** Hears of what could not be sent. */
export interface UnsentListener {
  /** The datagram whose IP header is at `ipAt`, and whose payload has `length` bytes at `at`. */
  unsent(row: number, ipAt: number, at: number, length: number, errno: number): void
}

export class OutgoingTrains {
  readonly #native: NativeContext
  readonly #rows: Int32Array
  readonly #scratch: Int32Array
  readonly #listener: UnsentListener
  readonly #next = new Int32Array(ENTRIES + 1)
  readonly #ipAt = new Int32Array(ENTRIES + 1)
  readonly #at = new Int32Array(ENTRIES + 1)
  readonly #length = new Int32Array(ENTRIES + 1)
  readonly #segment = new Int32Array(ENTRIES + 1)
  readonly #ports = new Int32Array(ENTRIES + 1)
  readonly #targets = new Int32Array((ENTRIES + 1) * 4)
  #used = 0
  /** Rows that have, or had, entries. */
  readonly #waiting = new Int32Array(ENTRIES)
  #waitingCount = 0
  /** Of each message of a call: its first entry, one more behind the last, and where its words begin. */
  readonly #messageEntry = new Int32Array(MESSAGES + 1)
  readonly #messageWord = new Int32Array(MESSAGES)

  constructor(native: NativeContext, rows: Int32Array, listener: UnsentListener) {
    this.#native = native
    this.#rows = rows
    this.#scratch = new Int32Array(native.scratch)
    this.#listener = listener
  }

  /** A row that has no entries yet. */
  begin(row: number): void {
    const base = row << ROW_SHIFT
    this.#rows[base + FIRST] = this.#rows[base + LAST] = this.#rows[base + HAS_NO_TRAINS] = 0
  }

  /** A datagram waits, or with `segment` > 0 a train of such. `target`: four words from `word` on. */
  add(
    row: number,
    ipAt: number,
    at: number,
    length: number,
    segment: number,
    t0: number,
    t1: number,
    t2: number,
    t3: number,
    port: number,
  ): void {
    if (this.#used === ENTRIES) this.settle()
    const rows = this.#rows
    const base = row << ROW_SHIFT
    const entry = ++this.#used
    this.#next[entry] = 0
    this.#ipAt[entry] = ipAt
    this.#at[entry] = at
    this.#length[entry] = length
    this.#segment[entry] = segment
    this.#ports[entry] = port
    this.#targets[entry * 4] = t0
    this.#targets[entry * 4 + 1] = t1
    this.#targets[entry * 4 + 2] = t2
    this.#targets[entry * 4 + 3] = t3
    if (rows[base + FIRST] === 0) {
      rows[base + FIRST] = entry
      this.#waiting[this.#waitingCount++] = row
    } else this.#next[rows[base + LAST]!] = entry
    rows[base + LAST] = entry
  }

  /** Sends what waits. */
  settle(): void {
    const count = this.#waitingCount
    for (let i = 0; i < count; i++) this.flush(this.#waiting[i]!)
    this.#waitingCount = 0
    this.#used = 0
  }

  /** Sends what waits of a row. */
  flush(row: number): void {
    const base = row << ROW_SHIFT
    let entry = this.#rows[base + FIRST]!
    if (entry === 0) return
    this.#rows[base + FIRST] = this.#rows[base + LAST] = 0
    const socket = this.#rows[base + SOCKET]!
    // Most of the time it is one.
    if (this.#next[entry] === 0) this.#sendOne(row, socket, entry)
    else while (entry !== 0) entry = this.#sendMany(row, socket, entry)
  }

  /** As much as one call takes, from `entry` on; the entry to go on with. */
  #sendMany(row: number, socket: number, entry: number): number {
    const mayJoin = this.#rows[(row << ROW_SHIFT) + HAS_NO_TRAINS] === 0
    let count = 0
    let word = 0
    let next = entry
    while (next !== 0 && count < MESSAGES) {
      this.#messageEntry[count] = next
      this.#messageWord[count++] = word
      next = this.#write(next, word, mayJoin)
      word += MESSAGE_WORDS + 2 * this.#scratch[word + MESSAGE_WORDS - 1]!
    }
    this.#messageEntry[count] = next
    return this.#deliver(row, socket, count)
  }

  /** Writes the message that begins with an entry; returns the entry behind it. */
  #write(first: number, at: number, mayJoin: boolean): number {
    const words = this.#scratch
    const length = this.#length[first]!
    for (let i = 0; i < 4; i++) words[at + i] = this.#targets[first * 4 + i]!
    words[at + 4] = this.#ports[first]!
    let word = at + MESSAGE_WORDS
    let total = 0
    let pieces = 0
    let entry = first
    let isOpen = mayJoin && this.#segment[first] === 0
    do {
      const piece = this.#length[entry]!
      words[word++] = this.#at[entry]!
      words[word++] = piece
      total += piece
      pieces++
      // A shorter one is the last.
      isOpen &&= piece === length && pieces < TRAIN_DATAGRAMS
      entry = this.#next[entry]!
    } while (isOpen && entry !== 0 && this.#joins(first, entry, total))
    words[at + 5] = pieces > 1 ? length : this.#segment[first]!
    words[at + 6] = pieces
    return entry
  }

  #joins(first: number, entry: number, total: number): boolean {
    const length = this.#length[entry]!
    if (length > this.#length[first]! || length === 0 || total + length > MAX_PAYLOAD) return false
    if (this.#segment[entry] !== 0 || this.#ports[entry] !== this.#ports[first]) return false
    const targets = this.#targets
    for (let i = 3; i >= 0; i--) if (targets[entry * 4 + i] !== targets[first * 4 + i]) return false
    return true
  }

  // An error about an earlier datagram is reported by the next call, and is in the error queue as well: so once more.
  #deliver(row: number, socket: number, count: number): number {
    const end = this.#messageEntry[count]!
    let sent = 0
    let isSecond = false
    while (sent < count) {
      const status = this.#native.udpSendMany(socket, this.#messageWord[sent]!, count - sent)
      if (status === -EAGAIN) return end
      if (status < 0 && isSecond) {
        if (isOfTrains(-status)) this.#rows[(row << ROW_SHIFT) + HAS_NO_TRAINS] = 1
        return this.#sendSingly(row, socket, this.#messageEntry[sent]!, this.#messageEntry[sent + 1]!)
      }
      isSecond = status < 0
      if (status > 0) sent += status
    }
    return end
  }

  // What a message cannot be sent for has to be found out, and told, of each of its datagrams.
  #sendSingly(row: number, socket: number, first: number, stop: number): number {
    let entry = first
    for (; entry !== stop && entry !== 0; entry = this.#next[entry]!) this.#sendOne(row, socket, entry)
    return entry
  }

  #sendOne(row: number, socket: number, entry: number): void {
    const at = this.#at[entry]!
    const length = this.#length[entry]!
    const segment = this.#segment[entry]!
    let status = this.#call(socket, entry, at, length, segment)
    // A path that cannot take the train takes its pieces.
    if (segment !== 0 && status < 0 && status !== -EAGAIN) status = this.#sendPieces(socket, entry)
    // No route, too long, not permitted: the guest learns. A full socket only loses the datagram.
    if (status < 0 && status !== -EAGAIN) this.#listener.unsent(row, this.#ipAt[entry]!, at, length, -status)
  }

  #sendPieces(socket: number, entry: number): number {
    const at = this.#at[entry]!
    const length = this.#length[entry]!
    const segment = this.#segment[entry]!
    let status = 0
    for (let offset = 0; status >= 0 && offset < length; offset += segment)
      status = this.#call(socket, entry, at + offset, Math.min(length - offset, segment), 0)
    return status
  }

  #call(socket: number, entry: number, at: number, length: number, segment: number): number {
    const native = this.#native
    const t = this.#targets
    const i = entry * 4
    const port = this.#ports[entry]!
    const status = native.udpSend(socket, at, length, segment, t[i]!, t[i + 1]!, t[i + 2]!, t[i + 3]!, port)
    if (status >= 0 || status === -EAGAIN) return status
    return native.udpSend(socket, at, length, segment, t[i]!, t[i + 1]!, t[i + 2]!, t[i + 3]!, port)
  }
}

/** udp(7): datagrams that would have to be cut, or that no one can sum on the way out (IPsec), cannot be a train. */
const isOfTrains = (errno: number): boolean => errno === EINVAL || errno === EMSGSIZE || errno === EIO
