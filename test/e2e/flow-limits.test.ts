// Limits on flows, as a sandbox meets them: a flood of SYNs harms no connection and no new one, whatever becomes of its own; and a
// connection beyond a limit fails at once.
import assert from 'node:assert/strict'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, SWALLOWING } from '../support/elsewhere.js'
import { answer, netloom, Sandbox } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'

const GATEWAY = '10.0.2.2'
const GUEST = '10.0.2.100'
const SYNS = 100_000
/** Connections that are made beside the flood. */
const OTHERS = 3
/** Half-open connections of a network without options. */
const HALF_OPEN = 1024

interface Flood {
  sent: number
  seconds: number
}

interface Connected {
  error: string | null
  retransmitted: number
}

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))

/** Round trips of random bytes over one connection, until told to stop; says how many there were whenever asked. */
const ROUND_TRIPS = `import os, select, socket, sys
c = socket.create_connection(('${GATEWAY}', int(sys.argv[1])), timeout=30)
rounds = 0
print('connected', flush=True)
while True:
    data = os.urandom(20000)
    c.sendall(data)
    received = b''
    while len(received) < len(data): received += c.recv(65536)
    assert received == data, rounds
    rounds += 1
    if select.select([sys.stdin], [], [], 0)[0]:
        line = sys.stdin.readline()
        print('rounds', line.strip(), rounds, flush=True)
        if line == '': break`

async function echo(host: TcpHost): Promise<void> {
  const peer = await host.accept()
  peer.socket.pipe(peer.socket)
}

for (const [what, target] of [
  ['an address that swallows them', SWALLOWING],
  ['an address that refuses them', ELSEWHERE],
] as const) {
  e2e(`a flood of ${SYNS} SYNs to ${what}`, async (scope) => {
    const sandbox = await Sandbox.start('--verbose')
    let isClosed = false
    scope.defer(() => (isClosed ? undefined : sandbox.close()))
    const host = scope.use(await TcpHost.start())
    const program = scope.use(sandbox.spawn(['python3', '-c', ROUND_TRIPS, String(host.port)]))
    await echo(host)
    await program.line(/^connected$/m)
    const rounds = async (when: string) => {
      program.write(`${when}\n`)
      return Number((await program.line(new RegExp(`^rounds ${when} (\\d+)$`, 'm')))[1])
    }
    const flood = scope.use(sandbox.guest('flood.py', 'tap0', GUEST, GATEWAY, target, SYNS))
    await flood.line(/^begun$/m)
    const before = await rounds('before')
    const { sent, seconds } = await answer<Flood>(flood)
    const after = await rounds('after')
    assert.equal(sent, SYNS)
    assert.ok(after > before, `${after - before} round trips during the flood`)
    const started = performance.now()
    for (const [address, port] of [
      [GATEWAY, host.port],
      [ELSEWHERE, elsewhere().echoPort],
    ] as const)
      assert.equal((await sandbox.ask<Connected>('tcp.py', 'connect', address, port)).error, null)
    const took = Math.round(performance.now() - started)
    program.end()
    assert.equal((await program.finished).status, 0, program.describe())
    await sandbox.close()
    isClosed = true
    const [, flows, open] = /(\d+) flows, (\d+) still open/.exec(sandbox.program.stderr)!
    assert.ok(Number(flows) > SYNS, `not all SYNs came: ${sandbox.program.stderr}`)
    // Beside the half-open ones those that are over, and remembered.
    assert.ok(Number(open) <= HALF_OPEN + OTHERS, `${open} flows are left`)
    console.log(`# ${SYNS} SYNs in ${seconds} s, ${after - before} round trips meanwhile; two programs that connect afterwards: ${took} ms`)
  })
}

e2e('a connection too many to one address fails at once, until one has ended', async (scope) => {
  const sandbox = scope.use(await Sandbox.start('--max-flows-per-destination=3'))
  const host = scope.use(await TcpHost.start())
  const script = `import sys
c = [__import__('socket').create_connection(('${GATEWAY}', ${host.port})) for _ in range(3)]
print('connected', flush=True)
sys.stdin.readline(); c[0].shutdown(1); c[0].recv(1); print('ended', flush=True)
sys.stdin.read()`
  const program = scope.use(sandbox.spawn(['python3', '-c', script]))
  await program.line(/^connected$/m)
  const connect = (address: string, port: number) => sandbox.ask<Connected>('tcp.py', 'connect', address, port)
  assert.deepEqual(await connect(GATEWAY, host.port), { error: 'EHOSTUNREACH', retransmitted: 0 })
  assert.deepEqual(await connect(ELSEWHERE, elsewhere().echoPort), { error: null, retransmitted: 0 })
  const first = await host.accept()
  program.write('\n')
  await first.receive()
  first.end()
  await program.line(/^ended$/m)
  assert.deepEqual(await connect(GATEWAY, host.port), { error: null, retransmitted: 0 })
})

for (const [flag, name] of [
  ['--max-flows', 'maxFlows'],
  ['--max-half-open', 'maxHalfOpen'],
  ['--max-flows-per-destination', 'maxFlowsPerDestination'],
  ['--max-flows-per-guest', 'maxFlowsPerGuest'],
  ['--max-flows-per-client', 'maxFlowsPerClient'],
] as const) {
  e2e(`${flag} takes a number of flows, and says so in one line`, async (scope) => {
    for (const given of ['0', '50001', 'many', '', '1.5', '-1']) {
      const { status, stdout, stderr } = await scope.use(netloom(['run', `${flag}=${given}`, '--', 'true'], { input: '' })).finished
      assert.deepEqual([status, stdout], [2, ''])
      assert.match(stderr, new RegExp(`^netloom: the limit ${name} .*1 to 50000; leave ${flag} out for [^\\n]+\\n$`))
    }
  })
}
