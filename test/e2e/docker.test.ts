// Rootless Docker with netloom below it, found by the name of slirp4netns. Its containers have a bridge and addresses of their own, behind NAT;
// what leaves that goes over netloom.
import assert from 'node:assert/strict'
import { guestCommand } from '../support/container-root.js'
import { Docker } from '../support/docker.js'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, HOST_ADDRESS } from '../support/elsewhere.js'
import { must, until } from '../support/program.js'
import { keepResolvConf, Resolver, setResolvers } from '../support/resolver.js'
import { answer } from '../support/sandbox.js'
import { closedPort, TcpHost } from '../support/tcp-peer.js'

const needsRoot = { needsRoot: true }
const PORT_DRIVER = 'slirp4netns'

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()), needsRoot)
const docker = shared(async (scope) => scope.use(await Docker.start(PORT_DRIVER)), needsRoot)

e2e('a container exchanges bytes with another host', async (scope) => {
  const host = scope.use(await TcpHost.start(HOST_ADDRESS))
  const program = docker().spawn([], guestCommand('tcp.py', 'exchange', HOST_ADDRESS, host.port, 300_000))
  const exchanged = await (await host.accept()).exchange(300_000)
  const { sent, received } = await answer<{ sent: unknown; received: unknown }>(program)
  assert.deepEqual(exchanged, { sent, received })
  const echoed = docker().spawn([], guestCommand('udp.py', 'echo', ELSEWHERE, elsewhere().echoPort, 1, 20))
  assert.equal((await answer<{ error: string | null }>(echoed)).error, null)
})

e2e('a container finds names by the name server that it was given', async (scope) => {
  keepResolvConf(scope)
  setResolvers(['127.0.0.53'])
  scope.use(await Resolver.start('127.0.0.53', { 'a.test': [{ type: 'A', name: 'a.test', ttl: 60, data: '192.0.2.44' }] }))
  const { stdout, stderr } = await docker().spawn([], ['getent', 'ahostsv4', 'a.test']).finished
  assert.match(stdout, /^192\.0\.2\.44 /, stderr)
})

e2e('a published port, and the address of a client on another host', async (scope) => {
  const port = await closedPort()
  const program = docker().spawn(['--name=web', `--publish=${port}:8000`], guestCommand('server.py', 8000))
  scope.defer(() => docker().remove('web'))
  await program.line(/^listening$/m)
  const seen = (client: readonly string[]): Promise<string> => must(client, { input: 'whoami\n' })
  const near = ['socat', '-T', '10', '-', `TCP:127.0.0.1:${port}`]
  const isThere = (): Promise<boolean> =>
    seen(near).then(
      (text) => text !== '',
      () => false,
    )
  await until(isThere, () => `no answer: ${program.describe()}`)
  assert.match(await seen(elsewhere().inside('socat', '-T', '10', '-', `TCP:${HOST_ADDRESS}:${port}`)), new RegExp(`^${ELSEWHERE} `))
})
