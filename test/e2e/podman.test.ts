// Rootless Podman with netloom in place of slirp4netns: what people run containers with, and what Podman's own tests of slirp4netns look at
// (test/e2e/run_networking_test.go, test/system/500-networking.bats).
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { guestCommand } from '../support/container-root.js'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, HOST_ADDRESS } from '../support/elsewhere.js'
import { Container, Podman } from '../support/podman.js'
import { findProcesses } from '../support/processes.js'
import { must, until } from '../support/program.js'
import { keepResolvConf, Resolver, setResolvers } from '../support/resolver.js'
import { SLIRP4NETNS } from '../support/slirp4netns.js'
import { closedPort, TcpHost } from '../support/tcp-peer.js'
import { echoed, UdpHost } from '../support/udp-host.js'
import { NETLOOM, userEnvironment, world } from '../support/world.js'

const GUEST = '10.0.2.100'
const GATEWAY = '10.0.2.2'
const LOOPBACK = '--network=slirp4netns:allow_host_loopback=true'
const OWN_HANDLER = '--network=slirp4netns:port_handler=slirp4netns'
const needsRoot = { needsRoot: true }

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()), needsRoot)
const podman = shared(async (scope) => scope.use(await Podman.start()), needsRoot)

const server = (port: number): string[] => guestCommand('server.py', port)

/** The address, without the port, that a server sees a client of the host's loopback or of elsewhere by. */
async function seenBy(address: string, port: number, from: 'host' | 'elsewhere' = 'host'): Promise<string> {
  const client = ['socat', '-T', '10', '-', `TCP:${address}:${port}`]
  const seen = await must(from === 'host' ? client : elsewhere().inside(...client), { input: 'whoami\n' })
  return seen.split(' ')[0]!
}

/** The networks of containers, each with what it has started. */
const networkProcesses = (): number[] => findProcesses(/^[^\0 ]*slirp4netns/)

e2e('a container has addresses, routes and a name server, at its first look', async () => {
  const { status, stdout, stderr } = await podman().run(
    [],
    ['sh', '-c', 'ip -o address; ip route; ip link show tap0; cat /etc/resolv.conf'],
  )
  assert.equal(status, 0, stderr)
  assert.match(stdout, /tap0 +inet 10\.0\.2\.100\/24 brd 10\.0\.2\.255/)
  assert.match(stdout, /tap0 +inet6 fd00::[\da-f:]+\/64 scope global/)
  assert.match(stdout, /^default via 10\.0\.2\.2 dev tap0/m)
  assert.match(stdout, /tap0: .* mtu 65520 /)
  assert.match(stdout, /^nameserver 10\.0\.2\.3$/m)
})

e2e('the exit status and the output of the command are the container’s', async () => {
  const { status, stdout } = await podman().run([], ['sh', '-c', 'echo here; exit 7'])
  assert.deepEqual([status, stdout], [7, 'here\n'])
})

e2e('the host’s loopback is closed, and open where it is asked for', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const closed = await podman().ask<{ error: string }>([], 'tcp.py', 'connect', GATEWAY, host.port)
  assert.equal(closed.error, 'ENETUNREACH')
  const program = podman().ask<{ sent: unknown; received: unknown }>([LOOPBACK], 'tcp.py', 'exchange', GATEWAY, host.port, 300_000)
  const exchanged = await (await host.accept()).exchange(300_000)
  const { sent, received } = await program
  assert.deepEqual(exchanged, { sent, received })
})

e2e('ping, and UDP', async (scope) => {
  const udp = scope.use(await UdpHost.start())
  const ping = await podman().run([LOOPBACK], ['ping', '-c', '1', '-W', '5', GATEWAY])
  assert.match(ping.stdout, /1 received/, ping.stderr)
  const echoed = await podman().ask<{ error: string | null }>([LOOPBACK], 'udp.py', 'echo', GATEWAY, udp.port, 1, 20)
  assert.equal(echoed.error, null)
})

e2e('names: the host’s resolvers answer, at the address in resolv.conf', async (scope) => {
  keepResolvConf(scope)
  setResolvers(['127.0.0.53'])
  const records = { 'www.example.test': [{ type: 'A', name: 'www.example.test', ttl: 60, data: '192.0.2.44' }] } as const
  const resolver = scope.use(await Resolver.start('127.0.0.53', records))
  const { stdout, stderr } = await podman().run([], ['getent', 'ahostsv4', 'www.example.test'])
  assert.match(stdout, /^192\.0\.2\.44 /, stderr)
  assert.ok(resolver.count('www.example.test') > 0)
})

e2e('options of slirp4netns: all together', async (scope) => {
  const host = scope.use(await TcpHost.start('127.0.0.1'))
  const options = 'allow_host_loopback=true,mtu=9000,cidr=10.9.0.0/16,enable_ipv6=true,outbound_addr=127.0.0.5,port_handler=slirp4netns'
  const container = scope.use(
    await podman().serve('all-options', [`--network=slirp4netns:${options}`, '--publish=127.0.0.1:18080:80'], server(80)),
  )
  const shown = await container.must(['sh', '-c', 'ip -o address; ip link show tap0; cat /etc/resolv.conf'])
  assert.match(shown, /inet 10\.9\.0\.100\/16 /)
  assert.match(shown, /inet6 fd00::/)
  assert.match(shown, /mtu 9000 /)
  assert.match(shown, /^nameserver 10\.9\.0\.3$/m)
  assert.equal(await seenBy('127.0.0.1', 18080), '10.9.0.2')
  const connected = container.must(guestCommand('tcp.py', 'connect', '10.9.0.2', host.port))
  assert.equal((await host.accept()).socket.remoteAddress, '127.0.0.5')
  await connected
})

e2e('without IPv6 there is none', async () => {
  const { stdout } = await podman().run(['--network=slirp4netns:enable_ipv6=false'], ['ip', '-6', '-o', 'address', 'show', 'dev', 'tap0'])
  assert.doesNotMatch(stdout, /fd00/)
})

e2e('the host’s loopback by IPv6, and a source address that was asked for', async (scope) => {
  await must(['ip', 'address', 'add', 'fd99::5/128', 'dev', 'lo', 'nodad'])
  scope.defer(() => must(['ip', 'address', 'del', 'fd99::5/128', 'dev', 'lo']).then(() => {}))
  const host = scope.use(await TcpHost.start('::1'))
  const options = 'allow_host_loopback=true,enable_ipv6=true,outbound_addr6=fd99::5'
  const program = podman().ask<{ error: string | null }>([`--network=slirp4netns:${options}`], 'tcp.py', 'connect', 'fd00::2', host.port)
  assert.equal((await host.accept()).socket.remoteAddress, 'fd99::5')
  assert.equal((await program).error, null)
})

e2e('the source address of an interface that was asked for by name', async (scope) => {
  elsewhere()
  const host = scope.use(await TcpHost.start())
  const options = [`${LOOPBACK},outbound_addr=elsewhere`]
  const program = podman().ask<{ error: string | null }>(options, 'tcp.py', 'connect', GATEWAY, host.port)
  assert.equal((await host.accept()).socket.remoteAddress, HOST_ADDRESS)
  assert.equal((await program).error, null)
})

for (const handler of ['rootlesskit', 'slirp4netns'] as const) {
  e2e(`published ports, a range of them and UDP, with the port handler ${handler}`, async (scope) => {
    const options = [
      `--network=slirp4netns:port_handler=${handler}`,
      ...['--publish=18080:8000', '--publish=127.0.0.1:18100-18103:9000-9003', '--publish=18080:8000/udp'],
    ]
    const start = 'socat UDP-LISTEN:8000,fork PIPE & for port in 8000 9000 9001 9002; do "$@" $port & done; exec "$@" 9003'
    const servers = ['sh', '-c', start, 'sh', ...guestCommand('server.py')]
    scope.use(await podman().serve('publisher', options, servers, /(listening\n){5}/))
    const own = handler === 'rootlesskit' ? GUEST : GATEWAY
    assert.equal(await seenBy('127.0.0.1', 18080), own)
    for (let i = 0; i < 4; i++) assert.equal(await seenBy('127.0.0.1', 18100 + i), own)
    // What slirp4netns is chosen for: the address of a client on another host.
    assert.equal(await seenBy(HOST_ADDRESS, 18080, 'elsewhere'), handler === 'rootlesskit' ? GUEST : ELSEWHERE)

    assert.equal(await echoed(18080, 'a datagram'), 'a datagram')
  })
}

e2e('two containers at once, each with its own network', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const start = (name: string, port: number): Promise<Container> =>
    podman().serve(name, [`${LOOPBACK},port_handler=slirp4netns`, `--publish=127.0.0.1:${port}:80`], server(80))
  const containers = await Promise.all([start('one', 18081), start('two', 18082)])
  for (const container of containers) scope.use(container)
  assert.equal(await seenBy('127.0.0.1', 18081), GATEWAY)
  assert.equal(await seenBy('127.0.0.1', 18082), GATEWAY)
  for (const container of containers) {
    const program = container.must(guestCommand('tcp.py', 'exchange', GATEWAY, host.port, 100_000))
    await (await host.accept()).exchange(100_000)
    await program
  }
})

e2e('a port that is taken: the container does not start, and it is said why', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const { status, stderr } = await podman().run([OWN_HANDLER, `--publish=127.0.0.1:${host.port}:80`], ['true'])
  assert.equal(status, 126)
  assert.match(stderr, /slirp4netns.*add_hostfwd: slirp_add_hostfwd failed/)
})

e2e('a container that is stopped has no network process any more, and no socket of one', async (scope) => {
  const container = scope.use(await podman().serve('stopping', [OWN_HANDLER, '--publish=127.0.0.1:18083:80'], server(80)))
  assert.notEqual(networkProcesses().length, 0)
  await podman().must(['stop', '--time=0', 'stopping'])
  await container.program.finished
  await until(
    () => networkProcesses().length === 0,
    () => `still there: ${networkProcesses()}`,
  )
  assert.deepEqual(podman().sockets, [])
})

e2e('a container that is started again has a network again', async (scope) => {
  const container = scope.use(await podman().serve('again', ['--rm=false', OWN_HANDLER, '--publish=127.0.0.1:18084:80'], server(80)))
  await podman().must(['restart', '--time=0', 'again'])
  const isListening = (): Promise<boolean> => seenBy('127.0.0.1', 18084).then(Boolean, () => false)
  await until(isListening, 'the server does not answer after a restart')
  assert.match(await container.must(['ip', '-o', 'address']), /inet 10\.0\.2\.100\/24/)
})

e2e('the network process holds nothing of the host’s but what it needs', async (scope) => {
  scope.use(await podman().serve('confined', [], server(80)))
  const [pid] = networkProcesses()
  assert.deepEqual(readdirSync(`/proc/${pid}/root`).sort(), ['etc', 'run'])
  assert.ok(!existsSync(`/proc/${pid}/root/home`))
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  assert.match(status, /^CapEff:\t0000000000000400$/m)
  assert.match(status, /^CapPrm:\t0000000000000400$/m)
  assert.match(status, /^NoNewPrivs:\t1$/m)
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    assert.match(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'), /^Seccomp:\t2$/m)
    assert.deepEqual(readdirSync(`/proc/${pid}/task/${task}/root`).sort(), ['etc', 'run'])
  }
  // Nor the network that it serves: its sockets are the host's.
  assert.equal(readlinkSync(`/proc/${pid}/ns/net`), readlinkSync('/proc/self/ns/net'))
})

e2e('podman info names the program and its version', async () => {
  const { host } = JSON.parse(await podman().must(['info', '--format=json'])) as { host: { slirp4netns: Record<string, string> } }
  assert.equal(host.slirp4netns['executable'], SLIRP4NETNS)
  assert.match(host.slirp4netns['version']!, /^slirp4netns version \d+\.\d+/)
})

e2e('a container with --network=none has one by the OCI hook, and ports by an annotation', async (scope) => {
  const port = await closedPort()
  const hooks = join(world.scratch, 'hooks')
  mkdirSync(hooks, { mode: 0o755 })
  scope.defer(() => rmSync(hooks, { recursive: true }))
  // oci-hooks(5)
  const env = [`PATH=${userEnvironment['PATH']}`, `XDG_RUNTIME_DIR=${world.runtime}`]
  const hook = { path: NETLOOM[0], args: [...NETLOOM, 'oci-hook', '--disable-host-loopback'], env }
  const description = {
    version: '1.0.0',
    hook,
    when: { annotations: { '^netloom\\.publish$': '.' } },
    stages: ['createRuntime', 'poststop'],
  }
  writeFileSync(join(hooks, 'netloom.json'), JSON.stringify(description))

  const options = ['--network=none', `--annotation=netloom.publish=127.0.0.1:${port}:80`]
  const [command = '', ...args] = podman().containerArgs(['--name=hooked', ...options], server(80))
  const program = podman().spawn([`--hooks-dir=${hooks}`, command, ...args], { deadline: 600_000 })
  const container = scope.use(new Container(podman(), 'hooked', program))
  await program.line(/^listening$/m)
  assert.match(await container.must(['ip', '-o', 'address']), /inet 10\.0\.2\.100\/24/)
  assert.equal(await seenBy('127.0.0.1', port), GUEST)
  await container.close()
  await until(() => !existsSync(join(world.runtime, 'netloom')), 'the network is still there')
})
