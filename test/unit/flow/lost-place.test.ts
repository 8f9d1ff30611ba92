// Where the kernel does not do what keeps our place in the host's stream (the peek offset, the removal of acknowledged bytes), the guest sees a reset,
// and never a byte at a wrong place.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACK, RST, SYN } from '../../../src/wire/tcp.js'
import { type Endpoints, guestFrame, parse, type ReceivedSegment, type TcpFields } from '../../support/guest-frame.js'
import { Random } from '../../support/random.js'
import { GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const ENDS: Endpoints = { guest: GUEST, remote: 0xc0000207 | 0, guestPort: 1000, remotePort: 80 }
const NONE = new Uint8Array()
const TEXT = Uint8Array.from({ length: 5000 }, (_, i) => i % 251)
const PIECE = 700
const EINVAL = 22

/** A download, one piece lost on its way, in which call `failing` of `name` (counted from 0) fails; how many such calls there were. */
function download(name: 'tcpPeekOffset' | 'tcpDiscard', failing: number): number {
  const net = new SimulatedStack(new Random(1))
  const { kernel } = net
  let calls = 0
  const call = kernel[name].bind(kernel)
  kernel[name] = (descriptor, length) => (calls++ === failing ? -EINVAL : call(descriptor, length))
  const segments: ReceivedSegment[] = []
  kernel.onFrame = (frame) => segments.push(parse(frame))
  const says = (s: Partial<TcpFields>): void =>
    net.receive(guestFrame(ENDS, { seq: 1, ack: 0, flags: ACK, window: 65_535, options: NONE, text: NONE, ...s }))
  says({ seq: 0, flags: SYN })
  const socket = kernel.tcp.at(-1)!
  socket.incoming = TEXT
  socket.accepts()
  kernel.run()
  const first = (segments.at(-1)!.seq + 1) | 0
  says({ ack: first })
  for (let end = PIECE; end <= 5 * PIECE; end += PIECE) {
    socket.delivers(PIECE)
    kernel.run()
    // The second is acknowledged only when it has come again.
    if (end === 2 * PIECE) net.wait(3_000)
    says({ ack: (first + end) | 0 })
  }
  for (const s of segments) {
    const at = (s.seq - first) | 0
    if (s.text.length > 0)
      assert.deepEqual(s.text, TEXT.subarray(at, at + s.text.length), `${name}, call ${failing}: bytes at a wrong place`)
  }
  const wasReset = segments.some((s) => (s.flags & RST) !== 0)
  assert.equal(wasReset, failing >= 0 && failing < calls, `${name}, call ${failing}: the guest was ${wasReset ? '' : 'not '}reset`)
  if (wasReset) assert.ok(socket.isClosed && socket.wasReset)
  net.stack.close()
  net.assertEmpty()
  return calls
}

for (const name of ['tcpPeekOffset', 'tcpDiscard'] as const)
  test(`whichever ${name} fails, no byte comes to a wrong place`, () => {
    const calls = download(name, -1)
    assert.ok(calls > 1)
    for (let i = 0; i < calls; i++) download(name, i)
  })
