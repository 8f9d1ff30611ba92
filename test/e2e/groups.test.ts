// Datagrams to groups, as SSDP and mDNS have them: a question to everybody on the host's network, answered by unicast by whoever is there.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, HOST_ADDRESS } from '../support/elsewhere.js'
import { must, Program } from '../support/program.js'
import { Sandbox } from '../support/sandbox.js'
import { guestProgram, userEnvironment } from '../support/world.js'

const SSDP = ['239.255.255.250', '1900'] as const
const MDNS = ['224.0.0.251', '5353'] as const
const MDNS6 = ['ff02::fb', '5353'] as const
const EVERYBODY = ['255.255.255.255', '9999'] as const

const elsewhere = shared(async (scope) => {
  const there = scope.use(await Elsewhere.start())
  // As a host has it that is connected to a network.
  await must(['ip', 'route', 'add', 'default', 'via', ELSEWHERE])
  return there
})

interface Answered {
  answered: [host: string, port: number][]
}

async function start(scope: Scope, command: string[]): Promise<Program> {
  const program = scope.use(new Program(command, { environment: userEnvironment }))
  await program.line(/^ready$/m)
  return program
}

const serve = ([group, port]: readonly [string, string], device: string) => [...guestProgram('group.py'), 'serve', group, port, device]
const onHost = (scope: Scope, group: readonly [string, string]) => start(scope, serve(group, 'elsewhere'))
const there = (scope: Scope, group: readonly [string, string]) => start(scope, elsewhere().inside(...serve(group, 'uplink')))

for (const group of [SSDP, MDNS, EVERYBODY])
  e2e(`a question to ${group[0]} is heard beyond the host and on it, and answered`, async (scope) => {
    await Promise.all([onHost(scope, group), there(scope, group)])
    const guest = scope.use(await Sandbox.start())
    const { answered } = await guest.ask<Answered>('group.py', 'ask', ...group, 2)
    assert.deepEqual(answered.sort(), [
      [HOST_ADDRESS, Number(group[1])],
      [ELSEWHERE, Number(group[1])],
    ])
  })

e2e('so is one to ff02::fb', async (scope) => {
  const programs = await Promise.all([onHost(scope, MDNS6), there(scope, MDNS6)])
  const guest = scope.use(await Sandbox.start())
  const { answered } = await guest.ask<Answered>('group.py', 'ask', ...MDNS6, 2)
  assert.deepEqual(
    answered.map(([, port]) => port),
    [5353, 5353],
  )
  for (const program of programs) await program.line(/^heard anybody$/m)
})

e2e('with --disable-host-loopback a question to 255.255.255.255 goes nowhere, for the host would hear it', async (scope) => {
  const host = await onHost(scope, EVERYBODY)
  const guest = scope.use(await Sandbox.start('--disable-host-loopback'))
  const ask = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.sendto(b'anybody', ('255.255.255.255', 9999))`
  await guest.must(['python3', '-c', ask])
  // What the host would have heard came before the answer to this.
  await guest.must(['ping', '-c', '1', '-W', '5', ELSEWHERE])
  const marker = createSocket('udp4')
  marker.send('marker', 9999, '127.0.0.1')
  await host.line(/^heard marker$/m)
  marker.close()
  assert.doesNotMatch(host.stdout, /anybody/)
})

e2e('with --disable-host-loopback whoever listens on the host does not hear it', async (scope) => {
  for (const group of [SSDP, MDNS6] as const) {
    const inner = scope.use(await Sandbox.start('--disable-host-loopback'))
    const [host] = await Promise.all([onHost(scope, group), there(scope, group)])
    const { answered } = await inner.ask<Answered>('group.py', 'ask', ...group, 1)
    assert.equal(answered.length, 1)
    // What it would have heard came before this.
    const marker = createSocket(group === SSDP ? 'udp4' : 'udp6')
    marker.send('marker', Number(group[1]), group === SSDP ? '127.0.0.1' : '::1')
    await host.line(/^heard marker$/m)
    marker.close()
    assert.doesNotMatch(host.stdout, /anybody/)
    await host.close()
  }
})
