// Ping: the gateway and the DNS address answer themselves, everything beyond is asked through the host's ping sockets.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, ELSEWHERE6, Elsewhere, HOST_ADDRESS, HOST_ADDRESS6, UNROUTED, UNROUTED6 } from '../support/elsewhere.js'
import { expectEveryAnswer } from '../support/pings.js'
import { Sandbox } from '../support/sandbox.js'

shared(async (scope) => scope.use(await Elsewhere.start()))
const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

const ping = (...args: string[]) => sandbox().exec(['ping', '-n', ...args])
/** With a deadline ping sends on until so many answers have come: on a busy machine a few more than it was asked for. */
/** Waits for every answer: without a deadline two round trips are all that the last one gets. */
const patientPing = (...args: string[]) => ping('-w', '20', ...args)

for (const [name, address] of [
  ['the gateway', '10.0.2.2'],
  ['the gateway of IPv6', 'fd00::2'],
  ['the DNS address', '10.0.2.3'],
  ['the DNS address of IPv6', 'fd00::3'],
  ['a host elsewhere', ELSEWHERE],
  ['a host elsewhere by IPv6', ELSEWHERE6],
  ['an address of the host', HOST_ADDRESS],
  ['an IPv6 address of the host', HOST_ADDRESS6],
] as const) {
  e2e(`${name} answers every ping`, async () => {
    const outcome = await patientPing('-c', '5', '-i', '0.05', address)
    assert.equal(outcome.status, 0, outcome.stdout + outcome.stderr)
    expectEveryAnswer(outcome.stdout, 5)
  })
}

// The last is the longest of IPv4; in fragments it comes also over a path with routers (path-mtu.test.ts).
for (const size of ['0', '1', '1000', '1472', '65507']) {
  e2e(`a ping of ${size} bytes comes back whole, from here and from elsewhere`, async () => {
    for (const address of ['10.0.2.2', ELSEWHERE, 'fd00::2', ELSEWHERE6]) {
      const outcome = await patientPing('-c', '2', '-i', '0.05', '-s', size, address)
      assert.equal(outcome.status, 0, outcome.stdout + outcome.stderr)
      assert.doesNotMatch(outcome.stdout, /DUP|wrong data|truncated/)
    }
  })
}

e2e('the longest ping of IPv6 comes back whole', async () => {
  for (const address of ['fd00::2', 'fd00::3', ELSEWHERE6]) {
    const outcome = await patientPing('-c', '2', '-i', '0.05', '-s', '65527', address)
    expectEveryAnswer(outcome.stdout + outcome.stderr, 2)
  }
})

e2e('several pings of one host at once each see their own answers', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => patientPing('-c', '5', '-i', '0.05', ELSEWHERE)))
  for (const outcome of all) expectEveryAnswer(outcome.stdout, 5)
})

e2e('an address of the own network that nobody has does not answer', async () => {
  const outcome = await ping('-c', '1', '-W', '1', '10.0.2.50')
  assert.equal(outcome.status, 1, outcome.stdout + outcome.stderr)
})

e2e('a network without a route is told to be unreachable', async () => {
  for (const [address, text] of [
    [UNROUTED, /Destination (Net|Host) Unreachable/],
    [UNROUTED6, /Destination unreachable: No route/],
  ] as const) {
    const outcome = await ping('-c', '1', '-W', '5', address)
    assert.equal(outcome.status, 1, outcome.stdout + outcome.stderr)
    assert.match(outcome.stdout, text)
  }
})

e2e(
  'without permission for ping sockets everything else works, and the gateway still answers',
  async (scope) => {
    const path = '/proc/sys/net/ipv4/ping_group_range'
    const before = readFileSync(path, 'utf8')
    // The empty range, which is the kernel's default.
    writeFileSync(path, '1 0')
    scope.defer(() => writeFileSync(path, before))
    const guest = scope.use(await Sandbox.start())
    for (const address of ['10.0.2.2', '10.0.2.3', 'fd00::2', 'fd00::3']) await guest.must(['ping', '-c', '1', '-W', '5', address])
    assert.equal(guest.program.stderr, '', 'said only when somebody pings beyond the gateway')
    for (const [address, text] of [
      [ELSEWHERE, /Packet filtered/],
      [ELSEWHERE6, /Administratively prohibited/],
    ] as const) {
      const outcome = await guest.exec(['ping', '-n', '-c', '1', '-W', '2', address])
      assert.equal(outcome.status, 1, outcome.stdout + outcome.stderr)
      assert.match(outcome.stdout, text)
    }
    const warnings = guest.program.stderr.match(/^netloom: warning: ping .* `sysctl -w net\.ipv4\.ping_group_range="0 2147483647"`$/gm)
    assert.equal(warnings?.length, 1, guest.program.stderr)
  },
  { needsRoot: true },
)
