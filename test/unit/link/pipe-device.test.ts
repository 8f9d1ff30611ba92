// Two devices back to back: frames arrive whole and in order, when the receiver's turn has come.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PipeDevice } from '../../../src/link/pipe-device.js'
import { Arena } from '../../../src/packet/arena.js'

const REGION = 1 << 14

function pipes(onReceive: (end: number, frame: string) => void = () => {}) {
  const arena = new Arena(new ArrayBuffer(4 * REGION))
  const slot = arena.allot(REGION)
  const received: string[][] = [[], []]
  const end = (i: number): PipeDevice => {
    const receive = (at: number, length: number): void => {
      const frame = Buffer.from(arena.bytes.subarray(at, at + length)).toString('latin1')
      received[i]!.push(frame)
      onReceive(i, frame)
    }
    return new PipeDevice(arena, REGION, { receive }, { mtu: 1500 })
  }
  const [a, b] = [end(0), end(1)]
  const transmit = (device: PipeDevice, text: string): boolean => {
    arena.bytes.set(Buffer.from(text, 'latin1'), slot)
    return device.transmit(slot, text.length)
  }
  return { a, b, received, transmit }
}

test('what one end transmits the other receives, in order, when it is delivered', () => {
  const { a, b, received, transmit } = pipes()
  a.join(b)
  assert.ok(transmit(a, 'one') && transmit(a, 'two') && transmit(b, 'three'))
  assert.deepEqual(received, [[], []])
  assert.equal(b.waiting, 2)
  b.deliver()
  assert.deepEqual(received, [[], ['one', 'two']])
  a.deliver()
  assert.deepEqual(received, [['three'], ['one', 'two']])
  assert.equal(a.waiting + b.waiting, 0)
})

test('an answer from within a delivery waits for its own', () => {
  const ends = pipes((end, frame) => {
    if (frame.length < 5) assert.ok(ends.transmit(end === 0 ? ends.a : ends.b, `${frame}!`))
  })
  const { a, b, received, transmit } = ends
  a.join(b)
  transmit(a, 'x')
  b.deliver()
  assert.deepEqual(received, [[], ['x']])
  for (let i = 0; i < 3; i++) {
    a.deliver()
    b.deliver()
  }
  assert.deepEqual(received, [
    ['x!', 'x!!!'],
    ['x', 'x!!', 'x!!!!'],
  ])
})

test('a full region loses what comes, and tells the sender', () => {
  const { a, b, received, transmit } = pipes()
  a.join(b)
  const frame = 'f'.repeat(1000)
  let sent = 0
  while (transmit(a, frame)) sent++
  assert.equal(sent, 16)
  assert.equal(a.framesLost, 1)
  b.deliver()
  assert.equal(received[1]!.length, 16)
  assert.ok(transmit(a, frame))
})

test('an end alone loses what it transmits', () => {
  const { a, transmit } = pipes()
  assert.equal(transmit(a, 'lost'), false)
  assert.equal(a.framesLost, 1)
})
