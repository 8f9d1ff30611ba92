// A host without IPv6: the sandbox has none either, and one that has it is told at once, so that whoever tries both families (RFC 8305) goes
// on with IPv4.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { e2e, type Scope } from '../support/e2e.js'
import { keepResolvConf, Resolver, setResolvers } from '../support/resolver.js'
import { Sandbox } from '../support/sandbox.js'

const SWITCH = '/proc/sys/net/ipv6/conf/all/disable_ipv6'
const BEYOND = '2001:db8:ee::7'

function switchOff(scope: Scope): void {
  writeFileSync(SWITCH, '1')
  scope.defer(() => writeFileSync(SWITCH, '0'))
}

/** A web server on the host's loopback, and a name with addresses of both families that is the gateway by IPv4 alone. */
async function serve(scope: Scope): Promise<number> {
  const server = createServer((_, response) => response.end('hello'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.defer(() => new Promise((resolve) => server.close(() => resolve())))
  keepResolvConf(scope)
  const records = [
    { type: 'AAAA' as const, name: 'both.test', ttl: 60, data: BEYOND },
    { type: 'A' as const, name: 'both.test', ttl: 60, data: '10.0.2.2' },
  ]
  scope.use(await Resolver.start('127.0.0.2', { 'both.test': records }))
  setResolvers(['127.0.0.2'])
  return (server.address() as AddressInfo).port
}

e2e('the sandbox has no IPv6', async (scope) => {
  const port = await serve(scope)
  switchOff(scope)
  const guest = scope.use(await Sandbox.start())
  assert.equal(await guest.must(['ip', '-6', '-o', 'address', 'show', 'tap0', 'scope', 'global']), '')
  assert.equal(await guest.must(['ip', '-6', 'route', 'show', 'default']), '')
  assert.equal(await guest.must(['curl', '-sS', `http://both.test:${port}/`]), 'hello')
})

e2e('a sandbox whose host has lost it is told at once', async (scope) => {
  const port = await serve(scope)
  const guest = scope.use(await Sandbox.start())
  switchOff(scope)
  for (const address of [BEYOND, 'fd00::2']) {
    const { error, retransmitted } = await guest.ask<{ error: string; retransmitted: number }>('tcp.py', 'connect', address, port)
    assert.deepEqual({ error, retransmitted }, { error: 'ENETUNREACH', retransmitted: 0 })
    assert.deepEqual(await guest.ask('udp.py', 'refused', address, port), { error: 'ENETUNREACH' })
    assert.match((await guest.exec(['ping', '-c', '1', '-W', '5', BEYOND])).stdout, /Destination unreachable: No route/)
  }
  await guest.must(['ping', '-c', '1', '-W', '5', 'fd00::2'])
  assert.equal(await guest.must(['curl', '-sS', `http://both.test:${port}/`]), 'hello')
})
