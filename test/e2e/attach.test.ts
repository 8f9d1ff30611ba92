// `netloom attach`: a network for a namespace that somebody else made, by PID and by path; the ready line; every way to end.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, type Scope } from '../support/e2e.js'
import { must } from '../support/program.js'
import { Attached, answer, Bare, expectNoTap } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { world } from '../support/world.js'

/** The namespace has a network that works. */
async function expectNetwork(scope: Scope, target: Bare, gateway = '10.0.2.2'): Promise<void> {
  await target.must(['ping', '-c', '1', '-W', '5', gateway])
  const host = scope.use(await TcpHost.start())
  const program = target.guest('tcp.py', 'exchange', gateway, host.port, 100_000)
  const peer = await host.accept()
  const received = await peer.receive()
  peer.end()
  const { sent } = await answer<{ sent: unknown }>(program)
  assert.deepEqual(received, sent)
}

e2e('by PID: one ready line, a configured TAP, a network that works', async (scope) => {
  const target = scope.use(await Bare.start())
  const attached = scope.use(await Attached.start(String(target.inside)))
  assert.equal(attached.ready, `netloom: ready: tap0 10.0.2.100/24 in PID ${target.inside}`)
  assert.match(await target.must(['ip', '-4', '-o', 'address', 'show', 'tap0']), /inet 10\.0\.2\.100\/24 brd 10\.0\.2\.255/)
  assert.match(await target.must(['ip', 'route']), /^default via 10\.0\.2\.2 dev tap0/m)
  assert.match(await target.must(['ip', '-o', 'link', 'show', 'lo']), /[<,]UP[,>]/)
  await expectNetwork(scope, target)
  assert.equal(attached.program.stdout.trim(), attached.ready)
  assert.equal(attached.program.stderr, '')
})

e2e('by the paths of the namespaces in /proc', async (scope) => {
  const target = scope.use(await Bare.start())
  const folder = `/proc/${target.inside}/ns`
  const attached = scope.use(await Attached.start('--userns-path', `${folder}/user`, `${folder}/net`))
  assert.match(attached.ready, new RegExp(`^netloom: ready: tap0 10\\.0\\.2\\.100/24 in ${folder}/net$`))
  await expectNetwork(scope, target)
})

e2e('by a path alone, when the user namespace can be told from it', async (scope) => {
  const target = scope.use(await Bare.start())
  scope.use(await Attached.start(`/proc/${target.inside}/ns/net`))
  await expectNetwork(scope, target)
})

e2e('by bind-mounted files, as `ip netns` and container engines leave them', async (scope) => {
  const target = scope.use(await Bare.start())
  const paths = ['net', 'user'].map((name) => join(world.scratch, `bound-${name}`))
  for (const [i, name] of ['net', 'user'].entries()) {
    const path = paths[i]!
    writeFileSync(path, '')
    await must(['mount', '--bind', `/proc/${target.inside}/ns/${name}`, path])
    scope.defer(async () => {
      await must(['umount', path])
      await must(['rm', path])
    })
  }
  scope.use(await Attached.start('--userns-path', paths[1]!, paths[0]!))
  await expectNetwork(scope, target)
})

e2e('options: --cidr, --mtu, --ifname', async (scope) => {
  const target = scope.use(await Bare.start())
  const attached = scope.use(await Attached.start('--cidr', '10.9.0.0/16', '--mtu', '9000', '--ifname', 'eth0', String(target.inside)))
  assert.equal(attached.ready, `netloom: ready: eth0 10.9.0.100/16 in PID ${target.inside}`)
  const shown = await target.must(['ip', '-o', 'address', 'show', 'eth0'])
  assert.match(shown, /inet 10\.9\.0\.100\/16/)
  assert.match(await target.must(['ip', 'link', 'show', 'eth0']), /mtu 9000/)
  await expectNetwork(scope, target, '10.9.0.2')
})

e2e('two of them in two namespaces, and two interfaces in one', async (scope) => {
  const [first, second] = [scope.use(await Bare.start()), scope.use(await Bare.start())]
  scope.use(await Attached.start(String(first.inside)))
  scope.use(await Attached.start(String(second.inside)))
  scope.use(await Attached.start('--ifname', 'tap1', '--cidr', '10.5.0.0/24', String(first.inside)))
  await expectNetwork(scope, second)
  await expectNetwork(scope, first, '10.5.0.2')
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  e2e(`${signal} ends it with status 0, and the TAP is gone`, async (scope) => {
    const target = scope.use(await Bare.start())
    const attached = scope.use(await Attached.start(String(target.inside)))
    await expectNetwork(scope, target)
    attached.program.kill(signal)
    const outcome = await attached.program.finished
    assert.deepEqual([outcome.status, outcome.signal, outcome.stderr], [0, null, ''])
    await expectNoTap(target)
    // And it can be attached to again.
    scope.use(await Attached.start(String(target.inside)))
    await expectNetwork(scope, target)
  })
}

e2e('killed, it leaves no TAP either', async (scope) => {
  const target = scope.use(await Bare.start())
  const attached = scope.use(await Attached.start('--disable-control', String(target.inside)))
  attached.program.kill('SIGKILL')
  await attached.program.finished
  await expectNoTap(target)
})

e2e('it ends with status 0 when the namespace ends', async (scope) => {
  const target = scope.use(await Bare.start())
  const attached = scope.use(await Attached.start(String(target.inside)))
  target.program.kill('SIGKILL')
  await target.program.finished
  const outcome = await attached.program.finished
  assert.deepEqual([outcome.status, outcome.signal], [0, null], outcome.stderr)
})

e2e('it ends when the namespace ends, given by path, with a connection open', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const target = scope.use(await Bare.start())
  const attached = scope.use(await Attached.start(`/proc/${target.inside}/ns/net`))
  const program = target.guest('tcp.py', 'wait-reset', '10.0.2.2', host.port)
  const peer = await host.accept()
  await peer.receiveSome()
  peer.socket.resume()
  peer.socket.on('end', () => peer.end())
  program.kill('SIGKILL')
  await program.finished
  target.program.kill('SIGKILL')
  await target.program.finished
  const outcome = await attached.program.finished
  assert.deepEqual([outcome.status, outcome.signal], [0, null], outcome.stderr)
  await peer.closed
})
