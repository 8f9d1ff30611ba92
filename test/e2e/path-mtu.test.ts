// What a path can carry: whole datagrams of any length, in pieces where it is narrow, and its MTU for those that must not be cut.
import assert from 'node:assert/strict'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { expectEveryAnswer } from '../support/pings.js'
import { until } from '../support/program.js'
import { NARROW_MTU, PATHS, RouterChain } from '../support/router-chain.js'
import { Sandbox } from '../support/sandbox.js'
import { UdpHost } from '../support/udp-host.js'

/** Bytes of data in the longest echo request and datagram of IPv4; those of IPv6 are a little longer. */
const LARGEST = 65_507
const LONGER_THAN_NARROW = '1400'

const chain = shared(async (scope) => scope.use(await RouterChain.start()))
const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

const ping = (...args: string[]) => sandbox().exec(['ping', '-n', '-W', '5', ...args])
/** Waits for every answer: without a deadline two round trips are all that the last one gets. */
const patientPing = (...args: string[]) => ping('-w', '20', ...args)
const literally = (address: string) => address.replaceAll('.', '\\.')

/** A sandbox that knows as little of the path as the host does. */
async function unknowing(scope: Scope): Promise<Sandbox> {
  await chain().forget()
  return scope.use(await Sandbox.start())
}

for (const { name, gateway, dns, routers, server, headers } of PATHS) {
  const isIpv6 = name === 'IPv6'
  const isTold = (router: string) =>
    new RegExp(
      isIpv6
        ? `^From ${literally(router)} icmp_seq=1 Packet too big: mtu=${NARROW_MTU}$`
        : `^From ${literally(router)} icmp_seq=1 Frag needed and DF set \\(mtu = ${NARROW_MTU}\\)$`,
      'm',
    )

  for (const size of [0, 56, 1472, 1473, 8000, LARGEST]) {
    e2e(`a ping of ${size} bytes comes back whole by ${name}, from us and over a narrow path`, async () => {
      // What is too long for the path of IPv6 is lost until both ends know it, however it was cut (RFC 8200, 5).
      const isKnown = async () => (await ping('-c', '1', '-W', '0.3', '-M', 'dont', '-s', String(size), server)).status === 0
      if (isIpv6) await until(isKnown, 'no answer over the narrow path')
      for (const address of [gateway, dns, server]) {
        const outcome = await patientPing('-c', '3', '-i', '0.05', '-M', 'dont', '-s', String(size), address)
        expectEveryAnswer(outcome.stdout + outcome.stderr, 3)
      }
    })
  }

  e2e(`a ping of ${name} that must not be cut is told what the path can carry`, async (scope) => {
    const guest = await unknowing(scope)
    const ping = (...args: string[]) => guest.exec(['ping', '-n', '-W', '5', ...args])
    const fits = String(NARROW_MTU - headers)
    const outcome = await ping('-c', '1', '-M', 'do', '-s', LONGER_THAN_NARROW, server)
    assert.equal(outcome.status, 1, outcome.stdout + outcome.stderr)
    assert.match(outcome.stdout, isTold(routers[1]))
    assert.equal((await ping('-c', '1', '-M', 'do', '-s', fits, server)).status, 0)
    // The host knows by now: a sandbox that does not is told by the gateway.
    const other = scope.use(await Sandbox.start())
    const again = await other.exec(['ping', '-n', '-W', '5', '-c', '1', '-M', 'do', '-s', LONGER_THAN_NARROW, server])
    assert.match(again.stdout, isTold(gateway))
  })

  e2e(`UDP finds out what the path of ${name} can carry, and is cut where it may be`, async (scope) => {
    const guest = await unknowing(scope)
    const found = await guest.ask('path_mtu.py', server, chain().echoPort, LONGER_THAN_NARROW)
    assert.deepEqual(found, { strict: { error: 'EMSGSIZE', mtu: NARROW_MTU }, usual: { error: null, length: 1400 } })
  })

  e2e(`TCP goes on over the narrow path of ${name}, whole both ways`, async (scope) => {
    const guest = await unknowing(scope)
    const echoed = await guest.ask('tcp.py', 'parallel', server, chain().echoPort, 2, 1_000_000)
    assert.deepEqual(echoed, { equal: 2, received: 2_000_000 })
  })

  e2e(`traceroute --mtu finds the narrow link of ${name}`, async (scope) => {
    const guest = await unknowing(scope)
    const output = await guest.must(['traceroute', '-n', '-w', '5', '--mtu', server])
    assert.match(output, /^ 4 .*F=1280/m)
    assert.match(output, new RegExp(`^ 5 {2}${literally(server)} `, 'm'))
  })

  e2e(`datagrams of every length come back over the path of ${name}, up to the longest`, async () => {
    // What is too long is lost until its sender knows.
    await sandbox().ask('path_mtu.py', server, chain().echoPort, LONGER_THAN_NARROW)
    for (const size of [0, 1, 1452, 1453, 1472, 1473, 9000, 32_768, LARGEST - 1, LARGEST]) {
      const result = await sandbox().ask('udp.py', 'echo', server, chain().echoPort, size, size)
      assert.deepEqual(result, { error: null, size })
    }
  })

  e2e(`and from the host itself, by ${name}`, async (scope) => {
    const host = scope.use(await UdpHost.start(isIpv6 ? '::1' : '127.0.0.1'))
    for (const size of [0, 1473, LARGEST]) {
      const result = await sandbox().ask('udp.py', 'echo', gateway, host.port, size, size)
      assert.deepEqual(result, { error: null, size })
    }
    assert.deepEqual(
      host.senders.map((sender) => sender.bytes),
      [0, 1473, LARGEST],
    )
  })
}

e2e('pieces of datagrams without end do not keep others from being put together', async () => {
  const { server } = PATHS[0]
  const flood = `import socket, struct
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
def fragment(identification, flags, length):
    header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 0, identification, flags, 64, 17, 0, bytes(4), socket.inet_aton('${server}'))
    raw.sendto(header + bytes(length), ('${server}', 0))
for identification in range(1, 20001):
    fragment(identification, 0x2000 if identification & 1 else 0x2000 | identification & 0x1fff, 8)`
  const [pings] = await Promise.all([ping('-c', '20', '-i', '0.05', '-s', '8000', server), sandbox().must(['python3', '-c', flood])])
  assert.match(pings.stdout, /20 packets transmitted, \d+ received/)
  const outcome = await patientPing('-c', '3', '-i', '0.05', '-s', '8000', server)
  expectEveryAnswer(outcome.stdout, 3)
})
