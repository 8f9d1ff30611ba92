// RootlessKit with netloom in place of slirp4netns: the network below rootless Docker, BuildKit, k3s and containerd.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, HOST_ADDRESS } from '../support/elsewhere.js'
import { findProcesses } from '../support/processes.js'
import { must, type Program, until } from '../support/program.js'
import { keepResolvConf, Resolver, setResolvers } from '../support/resolver.js'
import { giveSubordinateIds } from '../support/rootless.js'
import { answer, userProgram } from '../support/sandbox.js'
import { SLIRP4NETNS } from '../support/slirp4netns.js'
import { closedPort, TcpHost } from '../support/tcp-peer.js'
import { echoed } from '../support/udp-host.js'
import { guestProgram, world } from '../support/world.js'

const needsRoot = { needsRoot: true }
/** What dockerd-rootless.sh starts it with. */
const DOCKER = [
  '--mtu=65520',
  '--slirp4netns-sandbox=auto',
  '--slirp4netns-seccomp=auto',
  '--disable-host-loopback',
  '--port-driver=builtin',
]
const GATEWAY = '10.0.2.2'

const elsewhere = shared(async (scope) => {
  giveSubordinateIds()
  return scope.use(await Elsewhere.start())
}, needsRoot)

const rootlessKit = (options: readonly string[], command: readonly string[]): Program =>
  userProgram(['rootlesskit', '--net=slirp4netns', `--slirp4netns-binary=${SLIRP4NETNS}`, ...options, ...command], { deadline: 120_000 })

/** Runs a command below it to its end; returns what that printed. */
async function run(options: readonly string[], command: readonly string[]): Promise<string> {
  elsewhere()
  const { status, stdout, stderr } = await rootlessKit(options, command).finished
  assert.equal(status, 0, stderr)
  return stdout
}

e2e('as Docker starts it: addresses, route, MTU and a name server', async () => {
  const shown = await run(DOCKER, ['sh', '-c', 'ip -o address; ip route; ip link show tap0; cat /etc/resolv.conf'])
  assert.match(shown, /tap0 +inet 10\.0\.2\.100\/24 /)
  assert.match(shown, /^default via 10\.0\.2\.2 dev tap0/m)
  assert.match(shown, /mtu 65520 /)
  assert.match(shown, /^nameserver 10\.0\.2\.3$/m)
})

e2e('the host’s loopback is reached, with bytes both ways, and is closed with --disable-host-loopback', async (scope) => {
  elsewhere()
  const host = scope.use(await TcpHost.start())
  const program = rootlessKit([], guestProgram('tcp.py').concat('exchange', GATEWAY, `${host.port}`, '300000'))
  const exchanged = await (await host.accept()).exchange(300_000)
  const { sent, received } = await answer<{ sent: unknown; received: unknown }>(program)
  assert.deepEqual(exchanged, { sent, received })
  const refused = await run(DOCKER, guestProgram('tcp.py').concat('connect', GATEWAY, `${host.port}`))
  assert.match(refused, /"error": "ENETUNREACH"/)
})

e2e('another network: --cidr, --mtu and --ifname', async () => {
  const shown = await run(['--cidr=10.9.0.0/24', '--mtu=9000', '--ifname=eth0'], ['sh', '-c', 'ip -o address; ip link show eth0; ip route'])
  assert.match(shown, /eth0 +inet 10\.9\.0\.100\/24 /)
  assert.match(shown, /mtu 9000 /)
  assert.match(shown, /^default via 10\.9\.0\.2 /m)
})

e2e('--ipv6: an address and a route from router advertisements', async () => {
  const wait = 'for i in $(seq 500); do ip -6 route | grep -q ^default && break; sleep 0.01; done; ip -6 -o address; ip -6 route'
  const shown = await run(['--ipv6'], ['sh', '-c', wait])
  assert.match(shown, /tap0 +inet6 fd00::[\da-f:]+\/64 scope global/)
  assert.match(shown, /^default via fe80::\S* dev tap0/m)
})

e2e('names, by the name server that it writes into resolv.conf', async (scope) => {
  keepResolvConf(scope)
  setResolvers(['127.0.0.53'])
  scope.use(await Resolver.start('127.0.0.53', { 'a.test': [{ type: 'A', name: 'a.test', ttl: 60, data: '192.0.2.44' }] }))
  assert.match(await run(DOCKER, ['getent', 'ahostsv4', 'a.test']), /^192\.0\.2\.44 /)
})

for (const driver of ['builtin', 'slirp4netns'] as const) {
  e2e(`published ports with the port driver ${driver}`, async (scope) => {
    const [tcp, udp] = [await closedPort(), await closedPort()]
    const publish = [`--publish=0.0.0.0:${tcp}:8000/tcp`, `--publish=127.0.0.1:${udp}:8000/udp`]
    const command = ['sh', '-c', 'socat UDP-LISTEN:8000,fork PIPE & exec "$@"', 'sh', ...guestProgram('server.py'), '8000']
    // Its own PID namespace, so that no process of the command outlives it.
    const program = rootlessKit(['--pidns', ...DOCKER.slice(0, -1), `--port-driver=${driver}`, ...publish], command)
    scope.use(program)
    await program.line(/^listening$/m)
    const seen = async (client: readonly string[]): Promise<string> => {
      let text = ''
      // The ports are published when the command is running already.
      await until(
        async () => {
          text = await must(client, { input: 'whoami\n' }).catch(() => '')
          return text !== ''
        },
        () => `no answer: ${program.describe()}`,
      )
      return text.split(' ')[0]!
    }
    const own = driver === 'builtin' ? '127.0.0.1' : GATEWAY
    assert.equal(await seen(['socat', '-T', '10', '-', `TCP:127.0.0.1:${tcp}`]), own)
    const far = await seen(elsewhere().inside('socat', '-T', '10', '-', `TCP:${HOST_ADDRESS}:${tcp}`))
    assert.equal(far, driver === 'builtin' ? '127.0.0.1' : ELSEWHERE)
    assert.equal(await echoed(udp, 'a datagram'), 'a datagram')
  })
}

e2e('ports that come and go while it runs, by rootlessctl', async (scope) => {
  elsewhere()
  const port = await closedPort()
  const program = rootlessKit(
    ['--port-driver=slirp4netns'],
    ['sh', '-c', 'echo "state $ROOTLESSKIT_STATE_DIR"; exec "$@"', 'sh', ...guestProgram('server.py'), '8000'],
  )
  scope.use(program)
  const [, state] = await program.line(/^state (.*)$/m)
  await program.line(/^listening$/m)
  const control = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await userProgram(['rootlessctl', `--socket=${state}/api.sock`, ...args], { input: '' }).finished
    assert.equal(status, 0, stderr)
    return stdout
  }
  const id = (await control('add-ports', `127.0.0.1:${port}:8000/tcp`)).trim()
  const client = ['socat', '-T', '10', '-', `TCP:127.0.0.1:${port}`]
  assert.match(await must(client, { input: 'whoami\n' }), new RegExp(`^${GATEWAY} `))
  await control('remove-ports', id)
  await assert.rejects(must(client, { input: '' }), /Connection refused/)
})

e2e('it ends, and its network with it', async () => {
  elsewhere()
  const program = rootlessKit(DOCKER, ['sh', '-c', 'echo started; exec sleep infinity'])
  await program.line(/^started$/m)
  assert.notEqual(findProcesses(/^[^\0 ]*slirp4netns/).length, 0)
  program.kill('SIGTERM')
  await program.finished
  await until(() => findProcesses(/^[^\0 ]*slirp4netns/).length === 0, 'the network process is still there')
})

e2e('killed, it leaves no network process behind either', async (scope) => {
  elsewhere()
  const state = join(world.temporary, 'state')
  scope.defer(() => rmSync(state, { recursive: true }))
  const program = rootlessKit([...DOCKER, '--pidns', `--state-dir=${state}`], ['sh', '-c', 'echo started; exec sleep infinity'])
  await program.line(/^started$/m)
  program.kill('SIGKILL')
  await program.finished
  await until(() => findProcesses(/^[^\0 ]*slirp4netns/).length === 0, 'the network process is still there')
})
