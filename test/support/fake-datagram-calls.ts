// The addon's calls for UDP and ping in the fake kernel (fake-kernel.ts), over its sockets (fake-datagram.ts).
import assert from 'node:assert/strict'
import type { Words } from '../../src/wire/address.js'
import { FakeDatagram } from './fake-datagram.js'
import { type FakeDescriptor, wordsOf } from './fake-descriptor.js'
import { EBADF } from './fake-epoll.js'
import { FakeTcpCalls } from './fake-tcp-calls.js'

const EAGAIN = 11
const EFAULT = 14
const EINVAL = 22
const EMSGSIZE = 90
/** Of the addon's udpReceiveMany, bytes. */
const REST_BYTES = 68 << 10
const REST_HEADROOM = 2 << 10
/** IP and UDP, bytes. */
const DATAGRAM_HEADERS = { 4: 28, 6: 48 }

/** The third part of the kernel: each call has the name and the result (-errno) that the addon's has. */
export abstract class FakeDatagramCalls extends FakeTcpCalls {
  /** Result of the next datagrams that are sent: -errno; 0 for none. */
  sendStatus = 0
  readonly datagrams: FakeDatagram[] = []

  #openDatagram(family: 4 | 6): number {
    if (this.openStatus < 0) return this.openStatus
    const d = new FakeDatagram(this, family)
    this.datagrams.push(d)
    return this.openDescriptor(d)
  }
  udpOpen(family: 4 | 6): number {
    return this.#openDatagram(family)
  }
  pingOpen(family: 4 | 6): number {
    return this.#openDatagram(family)
  }
  udpSend(
    descriptor: number,
    at: number,
    length: number,
    segment: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    port: number,
  ): number {
    return this.#sendDatagram(this.open.get(descriptor), this.range(at, length).slice(), segment, [a0, a1, a2, a3], port)
  }
  #sendDatagram(d: FakeDescriptor | undefined, bytes: Uint8Array, segment: number, to: Words, port: number): number {
    if (!(d instanceof FakeDatagram)) return -EBADF
    if (this.sendStatus < 0) return this.sendStatus
    // udp(7), UDP_SEGMENT: what would have to be cut cannot be a train.
    if (segment > 0 && !d.header.dontFragment && segment + DATAGRAM_HEADERS[d.family] > d.mtu) return -EINVAL
    if (d.header.dontFragment && (segment > 0 ? segment : bytes.length) + DATAGRAM_HEADERS[d.family] > d.mtu) {
      const none = { type: 0, code: 0, address: to, port: 0, offender: 0, ttl: -1, quote: new Uint8Array() }
      d.fails({ origin: 1, info: d.mtu, ...none })
      return -EMSGSIZE
    }
    const target = port === 0 ? d.peer : { words: to, port }
    assert.ok(target !== null, 'a datagram to nowhere')
    const { words } = target
    assert.equal(words[0] === 0 && words[1] === 0 && words[2] === 0xffff, d.family === 4, 'a destination of the other family')
    d.sent.push({ bytes, segment, words, address: words[3], port: target.port, header: d.header })
    return bytes.length
  }
  udpSendMany(descriptor: number, word: number, count: number): number {
    const w = this.words
    let at = word
    for (let i = 0; i < count; i++) {
      const pieces = w[at + 6]!
      const gathered = Array.from({ length: pieces }, (_, k) => [...this.range(w[at + 7 + 2 * k]!, w[at + 8 + 2 * k]!)])
      const to: Words = [w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!]
      const status = this.#sendDatagram(this.open.get(descriptor), Uint8Array.from(gathered.flat()), w[at + 5]!, to, w[at + 4]!)
      if (status < 0) return i > 0 ? i : status
      at += 7 + 2 * pieces
    }
    return count
  }
  udpTrains(): number {
    return 0
  }
  udpReceiveMany(descriptor: number, at: number, stride: number, rest: number, max: number): number {
    const d = this.open.get(descriptor)
    if (!(d instanceof FakeDatagram)) return -EBADF
    const taken = d.incoming.splice(0, max)
    taken.forEach(({ bytes, address, port, ttl, tos, segment }, i) => {
      const place = bytes.length <= stride ? at + i * stride : rest + i * REST_BYTES + REST_HEADROOM
      this.range(place, bytes.length).set(bytes)
      this.words.set([place, bytes.length, segment, port, ttl, tos, ...wordsOf(address)], i * 10)
    })
    return taken.length === 0 ? -EAGAIN : taken.length
  }
  udpReceive(descriptor: number, at: number, length: number): number {
    const d = this.open.get(descriptor)
    if (!(d instanceof FakeDatagram)) return -EBADF
    const datagram = d.incoming.shift()
    if (datagram === undefined) return -EAGAIN
    if (datagram.bytes.length > length) return -EFAULT
    this.range(at, datagram.bytes.length).set(datagram.bytes)
    this.words.set([...wordsOf(datagram.address), datagram.port, datagram.ttl, datagram.tos])
    return datagram.bytes.length
  }
  /** A socket on a published port; its descriptor, for PortForwards.add. */
  udpListen(family: 4 | 6 = 4): number {
    return this.#openDatagram(family)
  }
  udpFirst(descriptor: number, at: number, length: number): number {
    const status = this.udpReceive(descriptor, at, length)
    if (status >= 0) this.words.fill(0, 7, 11)
    return status
  }
  udpAnswer(descriptor: number): number {
    const listener = this.open.get(descriptor)
    assert.ok(listener instanceof FakeDatagram)
    const client = this.#openDatagram(listener.family)
    // Connected: what is sent there goes to the client.
    if (client >= 0)
      this.datagrams.at(-1)!.peer = { words: [this.words[0]!, this.words[1]!, this.words[2]!, this.words[3]!], port: this.words[4]! }
    return client
  }
  errorReceive(descriptor: number): number {
    const error = this.open.get(descriptor)?.errors.shift()
    if (error === undefined) return 0
    const { origin, type, code, info, address, port, offender, ttl, quote } = error
    this.words.set([0, origin, type, code, info, ...wordsOf(address), port, ...wordsOf(offender), quote.length, ttl])
    new Uint8Array(this.scratch, 64).set(quote)
    return 1
  }
  datagramHeader(descriptor: number, family: number, ttl: number, tos: number, dontFragment: number): number {
    const d = this.open.get(descriptor)
    assert.ok(d instanceof FakeDatagram && family === d.family && ttl >= 1 && ttl <= 255 && tos >= 0 && tos <= 255)
    d.header = { ttl, tos, dontFragment: dontFragment === 1 }
    return 0
  }
}
