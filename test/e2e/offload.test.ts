// Kernels that refuse parts of the TAP's offload: everything works, slower, and one line says so. The refusal is the kernel's own, by a
// seccomp filter on the bits of TUNSETOFFLOAD.
import assert from 'node:assert/strict'
import { e2e } from '../support/e2e.js'
import { answer, userProgram } from '../support/sandbox.js'
import { type Exchanged, TcpHost } from '../support/tcp-peer.js'
import { guestProgram, NETLOOM } from '../support/world.js'

/** linux/if_tun.h: the request, and its bits. */
const TUNSETOFFLOAD = 0x400454d0
const CSUM = 0x01
const TSO = 0x02 | 0x04
const USO = 0x20 | 0x40

for (const [what, refused, isSlow] of [
  ['segmentation of UDP (before Linux 6.2)', USO, false],
  ['segmentation of TCP', TSO, true],
  ['any offload', CSUM, true],
] as const) {
  e2e(`without ${what} data is whole both ways, and one line says what is slower`, async (scope) => {
    const host = scope.use(await TcpHost.start())
    const inside = [...guestProgram('tcp.py'), 'exchange', '10.0.2.2', String(host.port), '5000000']
    const deny = [...guestProgram('deny.py'), `ioctl=${TUNSETOFFLOAD}/${refused}`, 'EINVAL']
    const program = scope.use(userProgram([...deny, ...NETLOOM, 'run', '--', ...inside], { input: '' }))
    const peer = await host.accept()
    const [received, sent] = await Promise.all([peer.receive(), peer.send(5_000_000)])
    // Only now: the command ends with the host's end, and its sandbox with it.
    peer.end()
    const result = await answer<Exchanged>(program)
    assert.deepEqual([received, sent], [result.sent, result.received])
    if (isSlow) assert.match(program.stderr, /^netloom: [^\n]*offload[^\n]*\n$/)
  })
}
