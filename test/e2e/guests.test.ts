// More than one host behind the TAP: on a bridge in the sandbox, each with TCP, UDP, ping and DNS by either version of IP, all at once; and
// behind routers of the sandbox's own, with a narrow link between, which say what they cannot carry.
import assert from 'node:assert/strict'
import { e2e, type Scope } from '../support/e2e.js'
import { ELSEWHERE, ELSEWHERE6, Elsewhere } from '../support/elsewhere.js'
import { expectEveryAnswer } from '../support/pings.js'
import { keepResolvConf, Resolver, setResolvers } from '../support/resolver.js'
import { answer, Sandbox } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { guestProgram } from '../support/world.js'

/** A network namespace within the sandbox's; returns its process. */
async function nest(scope: Scope, guest: Sandbox): Promise<string> {
  const program = scope.use(
    guest.spawn(['unshare', '--net', 'sh', '-c', 'ip link set lo up; echo "pid $$"; exec cat'], { deadline: 120_000 }),
  )
  return (await program.line(/^pid (\d+)$/m))[1]!
}

/** Puts the TAP and a second host on a bridge, which takes over the sandbox's addresses. Returns that host's process. */
async function bridge(scope: Scope, guest: Sandbox): Promise<string> {
  const pid = await nest(scope, guest)
  const script = `
    ip link add br0 type bridge
    ip link add inner type veth peer name eth0 netns ${pid}
    ip address flush dev tap0
    for port in tap0 inner; do ip link set $port master br0; ip link set $port up; done
    ip address add 10.0.2.100/24 dev br0
    ip address add fd00::100/64 dev br0 nodad
    ip link set br0 up
    ip route add default via 10.0.2.2
    ip -6 route replace default via fe80::2 dev br0
    nsenter --target=${pid} --net sh -ec '
      ip address add 10.0.2.101/24 dev eth0
      ip address add fd00::101/64 dev eth0 nodad
      ip link set eth0 up
      ip route add default via 10.0.2.2
      ip -6 route replace default via fe80::2 dev eth0'`
  await guest.must(['sh', '-ec', script])
  return pid
}

e2e('two hosts on a bridge behind the TAP have everything at once', async (scope) => {
  const elsewhere = scope.use(await Elsewhere.start())
  keepResolvConf(scope)
  scope.use(await Resolver.start('127.0.0.2', { 'one.test': [{ type: 'A', name: 'one.test', ttl: 60, data: '192.0.2.1' }] }))
  setResolvers(['127.0.0.2'])
  const tcp = scope.use(await TcpHost.start('::'))
  const guest = scope.use(await Sandbox.start())
  const second = await bridge(scope, guest)

  const all = [[], ['nsenter', `--target=${second}`, '--net', '--']].flatMap((place) => {
    const ask = async (...args: (string | number)[]) =>
      JSON.parse(
        await guest
          .must([...place, ...guestProgram(String(args[0])), ...args.slice(1).map(String)])
          .then((text) => text.trim().split('\n').at(-1)!),
      )
    const one = async (address: string, gateway: string, dns: string) => {
      const { echoPort } = elsewhere
      assert.deepEqual(await ask('tcp.py', 'connect', gateway, tcp.port), { error: null, retransmitted: 0 })
      const [echoed, datagrams, ping, name] = await Promise.all([
        ask('tcp.py', 'parallel', address, echoPort, 4, 300_000),
        ask('udp.py', 'echo', address, echoPort, 0, 200),
        guest.must([...place, 'ping', '-n', '-c', '5', '-i', '0.05', '-w', '20', address]),
        guest.must([...place, 'dig', '+short', `@${dns}`, 'one.test']),
      ])
      assert.deepEqual(echoed, { equal: 4, received: 1_200_000 })
      assert.deepEqual(datagrams, { error: null, size: 200 })
      expectEveryAnswer(ping, 5)
      assert.equal(name, '192.0.2.1\n')
    }
    return [one(ELSEWHERE, '10.0.2.2', '10.0.2.3'), one(ELSEWHERE6, 'fd00::2', 'fd00::3')]
  })
  await Promise.all(all)
})

/** Bytes that the link between the sandbox and its router can carry. */
const NARROW = 1280

/** sandbox = router - end: the end has 10.0.2.101 and fd00::101, and knows nothing of the narrow link. Returns the end's process. */
async function routeTo(scope: Scope, guest: Sandbox): Promise<string> {
  const router = await nest(scope, guest)
  const end = await nest(scope, guest)
  const forward = 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
  const within = (pid: string, script: string) => `nsenter --target=${pid} --net sh -ec '${script}'`
  const script = `
    ${forward}
    ip link add down1 mtu ${NARROW} type veth peer name up1 mtu ${NARROW} netns ${router}
    ip address add 10.9.1.1/24 dev down1; ip address add fd09:1::1/64 dev down1 nodad; ip link set down1 up
    ip -6 route replace default via fe80::2 dev tap0
    ${within(
      router,
      `${forward}
       ip address add 10.9.1.2/24 dev up1; ip address add fd09:1::2/64 dev up1 nodad; ip link set up1 up
       ip route add default via 10.9.1.1; ip -6 route add default via fd09:1::1
       ip link add down2 type veth peer name up2 netns ${end}
       ip address add 10.9.2.1/24 dev down2; ip address add fd09:2::1/64 dev down2 nodad; ip link set down2 up`,
    )}
    ${within(
      end,
      `ip address add 10.9.2.2/24 dev up2; ip address add fd09:2::2/64 dev up2 nodad; ip link set up2 up
       ip address add 10.0.2.101/32 dev up2; ip address add fd00::101/128 dev up2 nodad
       ip route add default via 10.9.2.1 src 10.0.2.101; ip -6 route add default via fd09:2::1 src fd00::101`,
    )}
    ${within(router, 'ip route add 10.0.2.101/32 via 10.9.2.2; ip route add fd00::101/128 via fd09:2::2')}
    ip route add 10.0.2.101/32 via 10.9.1.2; ip route add fd00::101/128 via fd09:1::2`
  await guest.must(['sh', '-ec', script])
  return end
}

e2e('TCP learns from a router of the sandbox what the path to a host behind it can carry', async (scope) => {
  const host = scope.use(await TcpHost.start('::'))
  const guest = scope.use(await Sandbox.start())
  const end = await routeTo(scope, guest)
  for (const [gateway, counter] of [
    [
      '10.0.2.2',
      'awk \'/^Icmp:/ { if (column) print $column; for (i = 1; i <= NF; i++) if ($i == "OutDestUnreachs") column = i }\' /proc/net/snmp',
    ],
    ['fd00::2', 'awk \'$1 == "Icmp6OutPktTooBigs" { print $2 }\' /proc/net/snmp6'],
  ] as const) {
    const place = ['nsenter', `--target=${end}`, '--net', '--']
    const program = scope.use(guest.spawn([...place, ...guestProgram('tcp.py'), 'exchange', gateway, String(host.port), '2000000']))
    const peer = await host.accept()
    const exchanged = await peer.exchange(2_000_000)
    assert.deepEqual(await answer(program), exchanged)
    assert.ok(Number(await guest.must(['sh', '-c', counter])) > 0, 'the link was not narrow')
  }
})
