// --target-type=bess: one Ethernet frame a message over a SOCK_SEQPACKET socket, as a software switch has it, in place of a TAP.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { e2e } from '../support/e2e.js'
import { until } from '../support/program.js'
import { userProgram } from '../support/sandbox.js'
import { Slirp } from '../support/slirp.js'
import { guestProgram, world } from '../support/world.js'

const PATH = join(world.runtime, 'bess.sock')

e2e('a switch that connects is answered frame by frame; it ends when the switch does', async (scope) => {
  const slirp = scope.use(new Slirp(['--target-type=bess', PATH]))
  await until(
    () => slirp.program.stderr === `Waiting for connection to ${PATH}\n`,
    () => slirp.program.describe(),
  )
  const { status, stdout, stderr } = await userProgram([...guestProgram('bess.py'), PATH], { input: '' }).finished
  assert.deepEqual([status, stderr], [0, ''])
  // Who has 10.0.2.2, and an echo request to it.
  assert.equal(stdout, 'arp 10.0.2.2 is at 52:55:0a:00:02:02\necho reply of 56 bytes\n')
  assert.equal(await slirp.ready, '1')
  const ended = await slirp.program.finished
  assert.equal(ended.status, 0)
  assert.match(ended.stderr, /^sent "tapfd"=\d+ \(not really TAP\) for .*bess\.sock\nreceived tapfd=\d+\n/m)
  assert.match(ended.stderr, /do_slirp is exiting\n$/)
  assert.match(ended.stdout, /^WARNING: BESS mode is experimental\nStarting slirp\n/)
})

e2e('ended while it waits for a switch, it leaves no socket', async (scope) => {
  const slirp = scope.use(new Slirp(['--target-type=bess', PATH]))
  await until(
    () => slirp.program.stderr !== '',
    () => slirp.program.describe(),
  )
  slirp.program.kill('SIGTERM')
  assert.equal((await slirp.program.finished).signal, 'SIGTERM')
})
