// A path with routers on it: the sandbox sees each of them, what they say, and what they can carry, as any host behind a router would.
import assert from 'node:assert/strict'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { until } from '../support/program.js'
import { NARROW_MTU, PROHIBITED_BEYOND, ROUTERS, RouterChain, SECOND_ROUTER, SERVER, UNREACHABLE_BEYOND } from '../support/router-chain.js'
import { Sandbox } from '../support/sandbox.js'
import { closedPort } from '../support/tcp-peer.js'
import { UdpHost } from '../support/udp-host.js'
import { guestProgram } from '../support/world.js'

const GATEWAY = '10.0.2.2'
const DNS = '10.0.2.3'
/** Bytes of IPv4 and ICMP, or UDP. */
const HEADERS = 28
const LARGEST = 65_507

const chain = shared(async (scope) => scope.use(await RouterChain.start()))
const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

const ping = (...args: string[]) => sandbox().exec(['ping', '-n', '-W', '5', ...args])
/** Waits for every answer: without a deadline two round trips are all that the last one gets. */
const patientPing = (...args: string[]) => ping('-w', '20', ...args)

/** The first address of each line of a traceroute, and that every probe had an answer from it. */
async function hops(...args: string[]): Promise<string[]> {
  const output = await sandbox().must(['traceroute', '-n', '-w', '5', ...args])
  const lines = output.trim().split('\n').slice(1)
  return lines.map((line, i) => {
    const match = /^ *(\d+) {2}([\d.]+|\*)/.exec(line)
    assert.equal(match?.[1], String(i + 1), output)
    assert.doesNotMatch(line, /\*/, output)
    return match[2]!
  })
}

const WHOLE_PATH = [GATEWAY, ...ROUTERS, SERVER]

e2e('traceroute by UDP lists every hop', async () => {
  assert.deepEqual(await hops(SERVER), WHOLE_PATH)
})

e2e('traceroute by ICMP lists every hop', async () => {
  assert.deepEqual(await hops('-I', SERVER), WHOLE_PATH)
})

e2e('traceroute by TCP SYN lists every hop, to a port that is open and to one that is not', async () => {
  assert.deepEqual(await hops('-T', '-p', String(chain().echoPort), SERVER), WHOLE_PATH)
  assert.deepEqual(await hops('-T', '-p', '9', SERVER), WHOLE_PATH)
})

e2e('the gateway is one hop away, and so is the DNS address', async () => {
  for (const address of [GATEWAY, DNS]) assert.deepEqual(await hops('-I', address), [address])
  assert.deepEqual(await hops('-p', String(await closedPort()), '-q', '1', '-N', '1', GATEWAY), [GATEWAY])
})

e2e('a ping with too few hops is told by the router where it ended, by its number', async () => {
  for (const [i, router] of [GATEWAY, ...ROUTERS].entries()) {
    const outcome = await ping('-c', '3', '-i', '0.05', '-t', String(i + 1), SERVER)
    assert.equal(outcome.status, 1, outcome.stdout + outcome.stderr)
    for (const sequence of [1, 2, 3])
      assert.match(outcome.stdout, new RegExp(`^From ${router.replaceAll('.', '\\.')} icmp_seq=${sequence} Time to live exceeded$`, 'm'))
  }
  const { stdout } = await ping('-c', '1', '-t', String(WHOLE_PATH.length), SERVER)
  assert.match(stdout, / ttl=60 .*\n(.*\n)+1 packets transmitted, 1 received/, 'the server has begun with 64')
})

e2e('what routers refuse is told as they say it, to ping and to connect', async () => {
  for (const [address, text] of [
    [UNREACHABLE_BEYOND, 'Destination Host Unreachable'],
    [PROHIBITED_BEYOND, 'Packet filtered'],
  ] as const) {
    // Linux refuses once a second (net.ipv4.route.error_cost), so whoever asks has to ask again.
    const { stdout } = await ping('-c', '3', address)
    assert.match(stdout, new RegExp(`^From ${SECOND_ROUTER.replaceAll('.', '\\.')} icmp_seq=\\d ${text}$`, 'm'))
    const tries = { error: 'silence' }
    await until(async () => {
      Object.assign(tries, await sandbox().ask('udp.py', 'refused', address, 9, 1))
      return tries.error !== 'silence'
    }, 'no refusal of a datagram')
    assert.deepEqual(tries, { error: 'EHOSTUNREACH' })
    const curl = await sandbox().exec(['curl', '--max-time', '10', `http://${address}/`])
    assert.equal(curl.status, 7, curl.stderr)
  }
})

for (const size of [0, 1, 1472, 1473, 8000, LARGEST]) {
  e2e(`a ping of ${size} bytes comes back whole, from us and over a narrow path`, async () => {
    for (const address of [GATEWAY, DNS, SERVER]) {
      const outcome = await patientPing('-c', '3', '-i', '0.05', '-M', 'dont', '-s', String(size), address)
      assert.match(outcome.stdout, /3 packets transmitted, 3 received, 0% packet loss/, outcome.stdout + outcome.stderr)
      assert.doesNotMatch(outcome.stdout, /DUP|wrong data|truncated/)
    }
  })
}

/** A sandbox that knows as little of the path as the host does. */
async function unknowing(scope: Scope): Promise<Sandbox> {
  await chain().forget()
  return scope.use(await Sandbox.start())
}

e2e('a ping that must not be cut is told what the path can carry', async (scope) => {
  const guest = await unknowing(scope)
  const ping = (...args: string[]) => guest.exec(['ping', '-n', '-W', '5', ...args])
  const fits = String(NARROW_MTU - HEADERS)
  const outcome = await ping('-c', '1', '-M', 'do', '-s', '1400', SERVER)
  assert.equal(outcome.status, 1, outcome.stdout + outcome.stderr)
  const told = `^From ${SECOND_ROUTER.replaceAll('.', '\\.')} icmp_seq=1 Frag needed and DF set \\(mtu = ${NARROW_MTU}\\)$`
  assert.match(outcome.stdout, new RegExp(told, 'm'))
  assert.equal((await ping('-c', '1', '-M', 'do', '-s', fits, SERVER)).status, 0)
  // The host knows by now: a sandbox that does not is told by the gateway.
  const again = await sandbox().exec(['ping', '-n', '-W', '5', '-c', '1', '-M', 'do', '-s', '1400', SERVER])
  assert.match(again.stdout, new RegExp(`^From 10\\.0\\.2\\.2 icmp_seq=1 Frag needed and DF set \\(mtu = ${NARROW_MTU}\\)$`, 'm'))
})

e2e('UDP finds out what the path can carry, and is cut where it may be', async (scope) => {
  const guest = await unknowing(scope)
  const found = await guest.ask('path_mtu.py', SERVER, chain().echoPort, 1400)
  assert.deepEqual(found, { strict: { error: 'EMSGSIZE', mtu: NARROW_MTU }, usual: { error: null, length: 1400 } })
})

e2e('traceroute --mtu finds the narrow link', async (scope) => {
  const guest = await unknowing(scope)
  const output = await guest.must(['traceroute', '-n', '-w', '5', '--mtu', SERVER])
  assert.match(output, /^ 4 .*F=1280/m)
  assert.match(output, /^ 5 {2}198\.18\.4\.2 /m)
})

e2e('datagrams of every length come back over the path, up to the longest', async () => {
  for (const size of [0, 1, 1472, 1473, 9000, 32_768, LARGEST - 1, LARGEST]) {
    const result = await sandbox().ask('udp.py', 'echo', SERVER, chain().echoPort, size, size)
    assert.deepEqual(result, { error: null, size })
  }
})

e2e('and from the host itself', async (scope) => {
  const host = scope.use(await UdpHost.start())
  for (const size of [0, 1473, LARGEST]) {
    const result = await sandbox().ask('udp.py', 'echo', GATEWAY, host.port, size, size)
    assert.deepEqual(result, { error: null, size })
  }
  assert.deepEqual(
    host.senders.map((sender) => sender.bytes),
    [0, 1473, LARGEST],
  )
})

e2e('TTL, TOS and congestion marks reach the other side, both ways', async (scope) => {
  const server = scope.use(chain().atServer([...guestProgram('ip_fields.py'), 'serve', SERVER, String(0xba)]))
  const port = (await server.line(/^port (\d+)$/m))[1]!
  const seen = await sandbox().ask('ip_fields.py', 'ask', SERVER, port, 33, 0x2a)
  // We are a router, and there are three more; coming back it began with 64.
  assert.deepEqual(seen, { there: { ttl: 33 - 4, tos: 0x2a }, here: { ttl: 64 - 4, tos: 0xba } })
})

e2e('pieces of datagrams without end do not keep others from being put together', async () => {
  const flood = `import socket, struct
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
def fragment(identification, flags, length):
    header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 0, identification, flags, 64, 17, 0, bytes(4), socket.inet_aton('${SERVER}'))
    raw.sendto(header + bytes(length), ('${SERVER}', 0))
for identification in range(1, 20001):
    fragment(identification, 0x2000 if identification & 1 else 0x2000 | identification & 0x1fff, 8)`
  const [pings] = await Promise.all([ping('-c', '20', '-i', '0.05', '-s', '8000', SERVER), sandbox().must(['python3', '-c', flood])])
  assert.match(pings.stdout, /20 packets transmitted, \d+ received/)
  const outcome = await patientPing('-c', '3', '-i', '0.05', '-s', '8000', SERVER)
  assert.match(outcome.stdout, /3 packets transmitted, 3 received, 0% packet loss/)
})
