// bubblewrap, which makes namespaces and no network: `netloom attach` gives it one, told by --info-fd whom to.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { e2e, type Scope } from '../support/e2e.js'
import type { Program } from '../support/program.js'
import { Attached, answer, userProgram } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { guestProgram } from '../support/world.js'

/** Descriptors of bwrap(1): what it tells, and what it waits for before it starts the command. */
const INFO = 3
const BLOCK = 4

/** Starts bubblewrap, up to where it waits; returns it, the process in its namespaces, and what lets the command start. */
async function start(command: readonly string[]): Promise<{ program: Program; pid: number; go: () => void }> {
  const namespaces = ['--unshare-user', '--unshare-net', '--unshare-pid', '--die-with-parent']
  const view = ['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev']
  const args = ['bwrap', ...namespaces, ...view, '--info-fd', `${INFO}`, '--block-fd', `${BLOCK}`, '--', ...command]
  const program = userProgram(args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'] })
  const [info, block] = [program.child.stdio[INFO] as Readable, program.child.stdio[BLOCK] as NodeJS.WritableStream]
  let told = ''
  info.on('data', (chunk: Buffer) => {
    told += chunk.toString()
  })
  await once(info, 'end')
  const pid = (JSON.parse(told) as { 'child-pid': number })['child-pid']
  return { program, pid, go: () => block.end('x') }
}

async function attach(scope: Scope, command: readonly string[], ...options: readonly string[]): Promise<Program> {
  const { program, pid, go } = await start(command)
  scope.use(program)
  scope.use(await Attached.start(...options, String(pid)))
  go()
  return program
}

e2e('the network is there before the command starts', async (scope) => {
  const program = await attach(scope, ['sh', '-c', 'ip -o address; ip route'])
  const { status, stdout, stderr } = await program.finished
  assert.equal(status, 0, stderr)
  assert.match(stdout, /tap0 +inet 10\.0\.2\.100\/24 /)
  assert.match(stdout, /^default via 10\.0\.2\.2 dev tap0/m)
})

e2e('bytes go both ways', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = await attach(scope, [...guestProgram('tcp.py'), 'exchange', '10.0.2.2', `${host.port}`, '300000'])
  const exchanged = await (await host.accept()).exchange(300_000)
  const { sent, received } = await answer<{ sent: unknown; received: unknown }>(program)
  assert.deepEqual(exchanged, { sent, received })
})

e2e('with the host’s loopback closed', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const command = [...guestProgram('tcp.py'), 'connect', '10.0.2.2', `${host.port}`]
  const { error } = await answer<{ error: string }>(await attach(scope, command, '--disable-host-loopback'))
  assert.equal(error, 'ENETUNREACH')
})

e2e('attach ends with the sandbox', async (scope) => {
  const { program, pid, go } = await start(['true'])
  scope.use(program)
  const attached = scope.use(await Attached.start(String(pid)))
  go()
  await program.finished
  const { status, signal } = await attached.program.finished
  assert.deepEqual([status, signal], [0, null])
})
