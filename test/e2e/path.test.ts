// A path with routers on it: the sandbox sees each of them, and what they say, as any host behind a router would.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { e2e, shared } from '../support/e2e.js'
import { until } from '../support/program.js'
import { PATHS, RouterChain } from '../support/router-chain.js'
import { Sandbox } from '../support/sandbox.js'
import { closedPort } from '../support/tcp-peer.js'
import { guestProgram } from '../support/world.js'

const chain = shared(async (scope) => scope.use(await RouterChain.start()))
const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

const ping = (...args: string[]) => sandbox().exec(['ping', '-n', '-W', '5', ...args])
/** Segments that the host has sent more than once: /proc/net/snmp, RetransSegs. */
function retransmitted(): number {
  const [names, values] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
    .map((line) => line.split(' '))
  return Number(values![names!.indexOf('RetransSegs')])
}

/** An address, to be found as it is. */
const literally = (address: string) => address.replaceAll('.', '\\.')

/** The first address of each line of a traceroute, and that every probe had an answer from it. */
async function hops(...args: string[]): Promise<string[]> {
  const output = await sandbox().must(['traceroute', '-n', '-w', '5', ...args])
  const lines = output.trim().split('\n').slice(1)
  return lines.map((line, i) => {
    const match = /^ *(\d+) {2}([\da-f.:]+|\*)/.exec(line)
    assert.equal(match?.[1], String(i + 1), output)
    assert.doesNotMatch(line, /\*/, output)
    return match[2]!
  })
}

for (const { name, gateway, dns, routers, server, unreachable, prohibited } of PATHS) {
  const wholePath = [gateway, ...routers, server]
  const isIpv6 = name === 'IPv6'

  e2e(`traceroute by UDP lists every hop of ${name}`, async () => {
    assert.deepEqual(await hops(server), wholePath)
  })

  e2e(`traceroute by ICMP lists every hop of ${name}`, async () => {
    assert.deepEqual(await hops('-I', server), wholePath)
  })

  e2e(`traceroute by TCP SYN lists every hop of ${name}, to a port that is open and to one that is not`, async () => {
    assert.deepEqual(await hops('-T', '-p', String(chain().echoPort), server), wholePath)
    assert.deepEqual(await hops('-T', '-p', '9', server), wholePath)
  })

  e2e(`the gateway of ${name} is one hop away, and so is the DNS address`, async () => {
    for (const address of [gateway, dns]) assert.deepEqual(await hops('-I', address), [address])
    assert.deepEqual(await hops('-p', String(await closedPort()), '-q', '1', '-N', '1', gateway), [gateway])
  })

  e2e(`a ping with too few hops is told by the router of ${name} where it ended, by its number`, async () => {
    const expired = isIpv6 ? 'Time exceeded: Hop limit' : 'Time to live exceeded'
    for (const [i, router] of [gateway, ...routers].entries()) {
      const outcome = await ping('-c', '3', '-i', '0.05', '-t', String(i + 1), server)
      assert.equal(outcome.status, 1, outcome.stdout + outcome.stderr)
      for (const sequence of [1, 2, 3])
        assert.match(outcome.stdout, new RegExp(`^From ${literally(router)} icmp_seq=${sequence} ${expired}$`, 'm'))
    }
    const { stdout } = await ping('-c', '1', '-t', String(wholePath.length), server)
    assert.match(stdout, / ttl=60 .*\n(.*\n)+1 packets transmitted, 1 received/, 'the server has begun with 64')
  })

  e2e(`what routers of ${name} refuse is told as they say it, to ping, to send and to connect`, async () => {
    for (const [address, text, error] of [
      [unreachable, isIpv6 ? 'Destination unreachable: No route' : 'Destination Host Unreachable', isIpv6 ? 'ENETUNREACH' : 'EHOSTUNREACH'],
      [prohibited, isIpv6 ? 'Destination unreachable: Administratively prohibited' : 'Packet filtered', isIpv6 ? 'EACCES' : 'EHOSTUNREACH'],
    ] as const) {
      // Linux refuses once a second (net.ipv4.route.error_cost), so whoever asks has to ask again.
      const told = new RegExp(`^From ${literally(routers[1])} icmp_seq=1 ${text}$`, 'm')
      await until(async () => told.test((await ping('-c', '1', '-W', '0.3', address)).stdout), `no '${text}'`)
      const tries = { error: 'silence' }
      await until(async () => {
        Object.assign(tries, await sandbox().ask('udp.py', 'refused', address, 9, 0.3))
        return tries.error !== 'silence'
      }, 'no refusal of a datagram')
      assert.deepEqual(tries, { error })
      const connected = await sandbox().ask<{ error: string }>('tcp.py', 'connect', address, 9)
      assert.equal(connected.error, error)
    }
  })

  e2e(`a connection by ${name} outlives a time in which routers refuse it (RFC 1122, 4.2.3.9)`, async (scope) => {
    const script = `import socket
s = socket.create_connection(('${server}', ${chain().echoPort}), timeout=20)
print('connected', flush=True)
input()
s.sendall(b'still there?')
print('sent', flush=True)
print(s.recv(100).decode(), flush=True)`
    const program = scope.use(sandbox().spawn(['python3', '-c', script]))
    await program.line(/^connected$/m)
    await chain().block(server, true)
    const before = retransmitted()
    program.write('go\n')
    await program.line(/^sent$/m)
    // What comes back while a program is still in its call is only noted: the refusal that counts is that of a retransmission.
    await until(() => retransmitted() > before, 'no retransmission')
    await chain().block(server, false)
    await program.line(/^still there\?$/m)
  })

  e2e(`TTL, TOS and congestion marks of ${name} reach the other side, both ways`, async (scope) => {
    const there = scope.use(chain().atServer([...guestProgram('ip_fields.py'), 'serve', server, String(0xba)]))
    const port = (await there.line(/^port (\d+)$/m))[1]!
    const seen = await sandbox().ask('ip_fields.py', 'ask', server, port, 33, 0x2a)
    // We are a router, and there are three more; coming back it began with 64.
    assert.deepEqual(seen, { there: { ttl: 33 - 4, tos: 0x2a }, here: { ttl: 64 - 4, tos: 0xba } })
  })
}
