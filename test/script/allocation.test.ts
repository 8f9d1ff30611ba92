// The packet path allocates nothing (DESIGN 3): what the heap grows by, divided by the segments that went through, rounds to
// zero.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesPerPacket, NOISE, PACKETS } from '../support/heap-growth.js'
import { BenchPeer } from '../support/tcp-bench-peer.js'

for (const family of [4, 6] as const) {
  test(`bulk from the guest, over IPv${family}`, async () => {
    const peer = new BenchPeer(family)
    const bytes = await bytesPerPacket((i) => {
      peer.text(1448)
      if (i % 16 === 15) peer.settle()
    })
    assert.ok(peer.host.taken >= PACKETS * 1448)
    assert.ok(bytes < NOISE, `${bytes} bytes a segment`)
  })

  test(`bulk to the guest, over IPv${family}`, async () => {
    const peer = new BenchPeer(family)
    const bytes = await bytesPerPacket(() => {
      peer.hostSends(14_480)
      peer.settle()
      peer.acknowledge()
      peer.settle()
    })
    assert.ok(peer.host.acknowledged >= PACKETS * 14_480)
    assert.ok(bytes < NOISE, `${bytes} bytes a segment`)
  })

  test(`request and response, over IPv${family}`, async () => {
    const peer = new BenchPeer(family)
    const bytes = await bytesPerPacket(() => {
      peer.text(1)
      peer.settle()
      peer.hostSends(1)
      peer.settle()
    })
    assert.ok(bytes < NOISE, `${bytes} bytes a segment`)
  })
}
