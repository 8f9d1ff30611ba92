// --outbound-addr and --outbound-addr6: which of the host's addresses others see, by TCP, UDP and ping; and --mac-address.
import assert from 'node:assert/strict'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { ELSEWHERE, ELSEWHERE6, Elsewhere, HOST_ADDRESS, HOST_ADDRESS6 } from '../support/elsewhere.js'
import { must, Program } from '../support/program.js'
import { netloom, Sandbox } from '../support/sandbox.js'
import { userEnvironment } from '../support/world.js'

/** Of the host as well, on an interface that leads nowhere. */
const SECOND = '198.51.100.2'
const SECOND6 = '2001:db8:ee::2'
const SECOND_DEVICE = 'second'

const elsewhere = shared(async (scope) => {
  const there = scope.use(await Elsewhere.start())
  await must(['ip', 'link', 'add', SECOND_DEVICE, 'type', 'veth', 'peer', 'name', 'third'])
  scope.defer(async () => {
    await must(['ip', 'link', 'del', SECOND_DEVICE])
  })
  await must(['ip', 'address', 'add', `${SECOND}/32`, 'dev', SECOND_DEVICE])
  await must(['ip', 'address', 'add', `${SECOND6}/128`, 'dev', SECOND_DEVICE, 'nodad'])
  for (const device of [SECOND_DEVICE, 'third']) await must(['ip', 'link', 'set', device, 'up'])
  await must(there.inside('ip', 'route', 'add', `${SECOND6}/128`, 'via', HOST_ADDRESS6))
  return there
})

/** The source of each packet that comes to the host elsewhere, as `protocol source`. */
async function watch(scope: Scope): Promise<Program> {
  const filter = 'icmp[icmptype] == icmp-echo or (icmp6 and ip6[40] == 128) or tcp dst port 9 or udp dst port 9'
  const dump = `exec tcpdump -Q in -lnqi uplink '${filter}' 2>&1`
  const program = scope.use(new Program(elsewhere().inside('sh', '-c', dump), { environment: userEnvironment }))
  await program.line(/^listening on/m)
  return program
}

const literally = (text: string) => text.replaceAll('.', '\\.')

/** Sends by TCP, UDP and ping, and waits for what is seen of that. */
async function expectSource(scope: Scope, guest: Sandbox, target: string, source: string): Promise<void> {
  const dump = await watch(scope)
  const version = source.includes(':') ? 'IP6' : 'IP'
  assert.deepEqual(await guest.ask('tcp.py', 'connect', target, 9), { error: 'ECONNREFUSED', retransmitted: 0 })
  assert.deepEqual(await guest.ask('udp.py', 'refused', target, 9), { error: 'ECONNREFUSED' })
  await guest.must(['ping', '-c', '1', '-W', '5', target])
  await dump.line(new RegExp(` ${version} ${literally(source)}\\.\\d+ > .*\\.9: tcp`))
  await dump.line(new RegExp(` ${version} ${literally(source)}\\.\\d+ > .*\\.9: UDP`))
  await dump.line(new RegExp(` ${version} ${literally(source)} > .*: ICMP6?,? echo request`))
  await dump.close()
}

e2e('without the options routes decide', async (scope) => {
  const guest = scope.use(await Sandbox.start())
  await expectSource(scope, guest, ELSEWHERE, HOST_ADDRESS)
  await expectSource(scope, guest, ELSEWHERE6, HOST_ADDRESS6)
})

for (const [what, ipv4, ipv6] of [
  ['an address', SECOND, SECOND6],
  ['an interface', SECOND_DEVICE, SECOND_DEVICE],
] as const)
  e2e(`others see ${what} that was asked for, by TCP, UDP and ping`, async (scope) => {
    const guest = scope.use(await Sandbox.start('--outbound-addr', ipv4, '--outbound-addr6', ipv6))
    await expectSource(scope, guest, ELSEWHERE, SECOND)
    await expectSource(scope, guest, ELSEWHERE6, SECOND6)
  })

e2e('an address that the host has no more is no way out, which is told at once', async (scope) => {
  const guest = scope.use(await Sandbox.start('--outbound-addr', SECOND))
  await must(['ip', 'address', 'del', `${SECOND}/32`, 'dev', SECOND_DEVICE])
  scope.defer(async () => {
    await must(['ip', 'address', 'add', `${SECOND}/32`, 'dev', SECOND_DEVICE])
  })
  assert.deepEqual(await guest.ask('tcp.py', 'connect', ELSEWHERE, 9), { error: 'ENETUNREACH', retransmitted: 0 })
  assert.deepEqual(await guest.ask('udp.py', 'refused', ELSEWHERE, 9), { error: 'ENETUNREACH' })
})

for (const [flags, text] of [
  [['--outbound-addr', '203.0.113.99'], /203\.0\.113\.99/],
  [['--outbound-addr', 'nothing0'], /nothing0/],
  [['--outbound-addr', ELSEWHERE6], /IPv4/],
  [['--outbound-addr6', HOST_ADDRESS], /IPv6/],
  [['--outbound-addr6', '2001:db8::99'], /2001:db8::99/],
  [['--mac-address', '01:00:00:00:00:01'], /group/],
  [['--mac-address', 'zz'], /zz/],
  [['--cidr6', 'fd00::/65'], /64/],
  [['--cidr6', 'fe80::/64'], /fe80::\/10/],
  [['--cidr6', 'fd00::/64', '--disable-ipv6'], /disable-ipv6/],
] as const)
  e2e(`${flags.join(' ')} is one line and status 2`, async (scope) => {
    const outcome = await scope.use(netloom(['run', ...flags, '--', 'true'], { input: '' })).finished
    assert.equal(outcome.status, 2, outcome.stderr)
    assert.match(outcome.stderr, /^netloom: [^\n]+\n$/)
    assert.match(outcome.stderr, text)
  })

e2e('--mac-address is the address of the interface, and of what is made of it', async (scope) => {
  const guest = scope.use(await Sandbox.start('--mac-address', '02:00:00:00:12:34'))
  const [{ address }] = JSON.parse(await guest.must(['ip', '-j', 'link', 'show', 'tap0']))
  assert.equal(address, '02:00:00:00:12:34')
  // RFC 4291, appendix A.
  assert.match(await guest.must(['ip', '-6', '-o', 'address', 'show', 'tap0', 'scope', 'link']), / fe80::ff:fe00:1234\/64 /)
  await guest.must(['ping', '-c', '1', '-W', '5', '10.0.2.2'])
})
