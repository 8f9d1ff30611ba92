// The Linux kernel on the other side of a bad link (--impair): whatever it loses, reorders, doubles or damages, every byte arrives once
// and in order, each way and both ways at once. What the link did is counted, so that no test passes over a good one.
import assert from 'node:assert/strict'
import { e2e, type Scope } from '../support/e2e.js'
import { Attached, answer, Bare, Sandbox } from '../support/sandbox.js'
import { type Exchanged, TcpHost } from '../support/tcp-peer.js'
import { guestProgram } from '../support/world.js'

const GATEWAY = '10.0.2.2'
/** Thousands of packets, and so hundreds of losses at 1 %; bytes. */
const LARGE = 20_000_000
/** Of a whole test, ms: on a link that loses one packet in twenty a sender waits often. */
const PATIENCE = 300_000

/** What a link does, and what its report says then of a way on which it had work. */
const LINKS = [
  ['1 % is lost', 'loss=1%,seed=1', /lost/],
  ['5 % are lost', 'loss=5%,seed=2', /lost/],
  ['1 % is lost in a round trip of 10 ms', 'loss=1%,delay=5ms,seed=3', /lost/],
  ['5 % are overtaken', 'reorder=5%,seed=4', /reordered/],
  ['1 % comes twice', 'duplicate=1%,seed=5', /duplicated/],
  ['0.1 % is damaged', 'corrupt=0.1%,seed=6', /corrupted/],
  ['all of it happens, slowly', 'loss=1%,reorder=5%,duplicate=1%,corrupt=0.1%,delay=2ms,jitter=2ms,rate=200mbit,seed=7', /lost.*reordered/],
] as const

const DIRECTIONS = [
  ['from guest to host', LARGE, 0],
  ['from host to guest', 0, LARGE],
  ['both ways at once', LARGE, LARGE],
] as const

/** So many bytes from the guest and to it, over one connection; both ends compare what they sent and received. */
async function transfer(scope: Scope, sandbox: Sandbox, up: number, down: number): Promise<void> {
  const host = scope.use(await TcpHost.start())
  const command = [...guestProgram('tcp.py'), 'exchange', GATEWAY, String(host.port), String(up)]
  const program = scope.use(sandbox.spawn(command, { deadline: PATIENCE }))
  const peer = await host.accept()
  const exchanged = await peer.exchange(down)
  assert.deepEqual(await answer<Exchanged>(program), exchanged)
  assert.deepEqual([exchanged.sent.bytes, exchanged.received.bytes], [up, down])
  assert.equal(await peer.closed, '')
}

for (const [what, spec, did] of LINKS) {
  for (const [direction, up, down] of DIRECTIONS) {
    e2e(
      `${LARGE / 1e6} MB ${direction} are whole where ${what}`,
      async (scope) => {
        const sandbox = scope.use(await Sandbox.start('--verbose', '--impair', spec))
        await transfer(scope, sandbox, up, down)
        await sandbox.close()
        const [, fromGuest = '', toGuest = ''] = /the bad link: (.*) from the sandbox, (.*) to it/.exec(sandbox.program.stderr) ?? []
        if (up > 0) assert.match(fromGuest, did, sandbox.program.describe())
        if (down > 0) assert.match(toGuest, did, sandbox.program.describe())
      },
      { timeout: PATIENCE },
    )
  }
}

e2e('one way may be bad alone', async (scope) => {
  const sandbox = scope.use(await Sandbox.start('--verbose', '--impair', 'down:loss=2%,seed=8'))
  await transfer(scope, sandbox, LARGE, LARGE)
  await sandbox.close()
  assert.match(sandbox.program.stderr, /the bad link: nothing from the sandbox, \d+ lost to it/)
})

e2e('a delay wakes the stack when nothing else does, for attach as well', async (scope) => {
  const bare = scope.use(await Bare.start())
  const attached = scope.use(await Attached.start('--impair', 'delay=30ms', String(bare.inside)))
  assert.match(attached.ready, /ready/)
  const output = await bare.must(['ping', '-c', '3', '-i', '0.2', '-W', '20', GATEWAY])
  assert.match(output, /3 received/)
})
