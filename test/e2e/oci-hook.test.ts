// `netloom oci-hook` as the hook of real runtimes, as an unprivileged user: the network is there before the container's command starts, and
// is gone with the container.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Bundle, type BundleOptions, CRUN, NESTED_CRUN, RUNC, type Runtime } from '../support/bundle.js'
import { guestCommand } from '../support/container-root.js'
import { e2e, shared } from '../support/e2e.js'
import { must, until } from '../support/program.js'
import { mountCgroup2 } from '../support/rootless.js'
import { netloom, userProgram } from '../support/sandbox.js'
import { closedPort, TcpHost } from '../support/tcp-peer.js'
import { NETLOOM, world } from '../support/world.js'

const needsRoot = { needsRoot: true }
const HOOK = [...NETLOOM, 'oci-hook']
const CONTROL = join(world.runtime, 'netloom')

shared(async (scope) => scope.defer(await mountCgroup2()), needsRoot)

const bundle = (runtime: Runtime, command: readonly string[], options: Partial<BundleOptions> = {}): Bundle =>
  new Bundle('bundle', runtime, command, { hook: HOOK, ...options })

for (const runtime of [RUNC, NESTED_CRUN]) {
  e2e(`${runtime.name}: the network is up when the command starts, with the hook’s own options`, async (scope) => {
    const host = scope.use(await TcpHost.start())
    const show = 'ip -o address; ip route; ip link show eth0; '
    const container = scope.use(
      bundle(runtime, ['sh', '-c', `${show} exec "$@"`, 'sh', ...guestCommand('tcp.py', 'connect', '10.9.0.2', host.port)], {
        hook: [...HOOK, '--ifname=eth0', '--mtu=9000', '--cidr', '10.9.0.0/16'],
      }),
    )
    const { status, stdout, stderr } = await container.run('first', { input: '' }).finished
    assert.equal(status, 0, stderr)
    assert.match(stdout, /eth0 +inet 10\.9\.0\.100\/16 /)
    assert.match(stdout, /^default via 10\.9\.0\.2 dev eth0/m)
    assert.match(stdout, /mtu 9000 /)
    assert.match(stdout, /"error": null/)
    // Ended before the runtime was done, not some time after it.
    assert.ok(!existsSync(CONTROL))
  })

  e2e(`${runtime.name}: ports are published by an annotation, and lead nowhere afterwards`, async (scope) => {
    const [first, second] = [await closedPort(), await closedPort()]
    const annotations = { 'netloom.publish': `127.0.0.1:${first}:80, 127.0.0.1:${second}:80`, 'org.example': 'somebody else’s' }
    const container = scope.use(bundle(runtime, guestCommand('server.py', 80), { annotations }))
    const program = container.run('web', { deadline: 600_000 })
    scope.use(program)
    await program.line(/^listening$/m)
    for (const port of [first, second]) {
      const seen = await must(['socat', '-T', '10', '-', `TCP:127.0.0.1:${port}`], { input: 'whoami\n' })
      assert.match(seen, /^10\.0\.2\.100 /)
    }
    const { stdout } = await netloom(['ps'], { input: '' }).finished
    assert.match(stdout, /^oci-web-[\da-f]{8} /m)

    assert.equal((await container.control(['kill', 'web', 'KILL'], { input: '' }).finished).status, 0)
    await program.finished
    assert.ok(!existsSync(CONTROL))
    await assert.rejects(must(['socat', '-', `TCP:127.0.0.1:${first}`], { input: '' }), /Connection refused/)
  })

  e2e(`${runtime.name}: a network that cannot be had is a container that is not created`, async (scope) => {
    const host = scope.use(await TcpHost.start())
    const annotations = { 'netloom.publish': `127.0.0.1:${host.port}:80` }
    const container = scope.use(bundle(runtime, ['echo', 'started'], { annotations }))
    const { status, stdout } = await container.run('refused').finished
    assert.notEqual(status, 0)
    assert.equal(stdout, '')
  })
}

e2e('two containers with the same command, each with its own network', async (scope) => {
  const run = async (name: string): Promise<string> => {
    const container = scope.use(new Bundle(`bundle-${name}`, RUNC, ['ip', '-o', 'address', 'show', 'tap0'], { hook: HOOK }))
    return (await container.run(name).finished).stdout
  }
  for (const shown of await Promise.all([run('one'), run('two')])) assert.match(shown, /inet 10\.0\.2\.100\/24/)
})

e2e('a container whose runtime is killed takes its network with it', async (scope) => {
  const container = scope.use(bundle(RUNC, ['sh', '-c', 'echo "inside"; exec sleep infinity']))
  const program = container.run('orphan', { deadline: 600_000 })
  await program.line(/^inside$/m)
  program.kill('SIGKILL')
  const { stdout } = await container.control(['state', 'orphan']).finished
  process.kill((JSON.parse(stdout) as { pid: number }).pid, 'SIGKILL')
  await program.finished
  await until(() => !existsSync(CONTROL), 'the network does not end')
})

e2e('crun without privileges: the network comes directly after the command’s start', async (scope) => {
  const wait = 'until ip route | grep -q default; do sleep 0.01; done; ip -o address'
  const container = scope.use(bundle(CRUN, ['sh', '-c', wait]))
  const { status, stdout, stderr } = await container.run('late').finished
  assert.equal(status, 0, stderr)
  assert.match(stdout, /inet 10\.0\.2\.100\/24/)
  assert.ok(!existsSync(CONTROL))
})

/** What the hook says to a state, as a runtime would pass it on. */
async function hook(state: string, ...options: readonly string[]): Promise<{ status: number | null; stderr: string }> {
  return netloom(['oci-hook', ...options], { input: state }).finished
}

for (const [name, state, message] of [
  ['nothing', '', /state of a container was expected on standard input/],
  ['no JSON', 'pid 12', /state of a container was expected/],
  ['no id', '{"status":"created","pid":1}', /it has no id/],
  ['no process', '{"id":"a","status":"created","bundle":"/b"}', /it has no pid, though it is created/],
  [
    'an annotation that there is not',
    '{"id":"a","status":"created","pid":1,"annotations":{"netloom.ports":"80"}}',
    /'netloom\.ports' is not known/,
  ],
] as const) {
  e2e(`a state with ${name} is refused, with status 2 and one line`, async () => {
    const { status, stderr } = await hook(state)
    assert.equal(status, 2)
    assert.match(stderr, message)
    assert.match(stderr, /^netloom: [^\n]+\n$/)
  })
}

e2e('a container with the host’s network is left alone', async (scope) => {
  const { pid } = scope.use(userProgram(['sleep', 'infinity']))
  const { status, stderr } = await hook(JSON.stringify({ id: 'a', bundle: '/b', status: 'created', pid }))
  assert.equal(status, 1)
  assert.match(stderr, /the container has the network of the host/)
})

e2e('the end of a container that has no network any more is in order', async () => {
  const { status, stderr } = await hook('{"id":"a","bundle":"/b","status":"stopped"}')
  assert.deepEqual([status, stderr], [0, ''])
})

e2e('an option that there is not is told as of any command', async () => {
  const { status, stderr } = await hook('{}', '--publsh=80:80')
  assert.equal(status, 2)
  assert.match(stderr, /--publsh/)
})
