// Datagrams that pass through the whole stack in batches, as trains and one by one, allocate nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EPOLLIN, TOKEN_DATAGRAM, TOKEN_TAP, token } from '../../src/host/event-loop.js'
import { type Route, udpFrame } from '../support/frames.js'
import { bytesPerPacket, NOISE, PACKETS } from '../support/heap-growth.js'
import { Random } from '../support/random.js'
import { GATEWAY, GUEST, SimulatedStack } from '../support/simulated-stack.js'

const GAP = 2048
const MESSAGE_WORDS = 10
const REMOTE = 0xc0000207 | 0

/** A stack whose kernel has the same frames and the same messages each time it is asked, and keeps nothing. */
class Bench {
  readonly #net = new SimulatedStack(new Random(1))
  readonly #words: Int32Array
  readonly #bytes: Uint8Array
  readonly #frames: readonly Uint8Array[]
  readonly #messages: readonly number[]
  readonly #sources: readonly number[]
  #turn: () => void = () => {}
  #events = 0
  #areLoaded = false
  sent = 0
  written = 0

  /** `frames` of the guest's first socket, and messages of these lengths from these addresses for it. */
  constructor(frames: readonly Uint8Array[], messages: readonly number[], sources: readonly number[]) {
    this.#frames = frames
    this.#messages = messages
    this.#sources = sources
    const { kernel, loop, stack } = this.#net
    this.#words = new Int32Array(kernel.scratch)
    this.#bytes = new Uint8Array(kernel.arena)
    this.#net.receive(frames[0]!)
    loop.stop()
    kernel.start = (turn) => {
      this.#turn = turn
      return 0
    }
    kernel.epollWait = () => this.#wait()
    kernel.timerArm = () => 0
    kernel.datagramHeader = () => 0
    kernel.tapRead = (_descriptor, at) => this.#read(at)
    kernel.tapWrite = (_descriptor, _at, length) => {
      this.written++
      return length
    }
    kernel.udpSend = (_descriptor, _at, length) => {
      this.sent++
      return length
    }
    kernel.udpSendMany = (_descriptor, _word, count) => {
      this.sent += count
      return count
    }
    kernel.udpReceiveMany = (_descriptor, at, stride, rest) => this.#receive(at, stride, rest)
    loop.start(stack)
  }

  #wait(): number {
    if (this.#events === 0) return 0
    this.#words[0] = token(TOKEN_TAP, 0, 0)
    this.#words[2] = token(TOKEN_DATAGRAM, 1, 1)
    this.#words[1] = this.#words[3] = EPOLLIN
    this.#events = 0
    return 2
  }

  #read(at: number): number {
    for (let i = 0; i < this.#frames.length; i++) {
      if (!this.#areLoaded) this.#bytes.set(this.#frames[i]!, at + i * GAP)
      this.#words[2 * i] = at + i * GAP
      this.#words[2 * i + 1] = this.#frames[i]!.length
    }
    this.#areLoaded = true
    return this.#frames.length
  }

  #receive(at: number, stride: number, rest: number): number {
    const words = this.#words
    const count = this.#messages.length
    for (let i = 0; i < count; i++) {
      const length = this.#messages[i]!
      const word = i * MESSAGE_WORDS
      words[word] = length <= stride ? at + i * stride : rest + i * (68 << 10) + 2048
      words[word + 1] = length
      words[word + 2] = words[word + 5] = words[word + 6] = words[word + 7] = 0
      words[word + 3] = 2000
      words[word + 4] = 63
      words[word + 8] = 0xffff
      words[word + 9] = this.#sources[i % this.#sources.length]!
    }
    return count
  }

  turn(): void {
    this.#events = 1
    this.#turn()
  }
}

const route: Route = { source: GUEST, destination: REMOTE }
const toGateway: Route = { source: GUEST, destination: GATEWAY }
const datagram = (r: Route, length: number): Uint8Array => udpFrame(r, 1000, 2000, new Uint8Array(length))

test('trains', async () => {
  const frames = Array.from({ length: 3 }, () => datagram(route, 1400))
  const bench = new Bench(frames, [1400, 1400, 1400], [REMOTE])
  const bytes = await bytesPerPacket(() => bench.turn())
  assert.ok(bench.sent >= PACKETS && bench.written >= PACKETS)
  assert.ok(bytes < NOISE, `${bytes} bytes a turn`)
})

test('datagrams that are no train', async () => {
  const frames = [datagram(route, 10), datagram(toGateway, 20), datagram(route, 0)]
  const bench = new Bench(frames, [10, 2000, 0], [REMOTE, 0x7f000001])
  const bytes = await bytesPerPacket(() => bench.turn())
  assert.ok(bench.sent >= 3 * PACKETS && bench.written >= 3 * PACKETS)
  assert.ok(bytes < NOISE, `${bytes} bytes a turn`)
})
