// Several guests behind one TAP: a bridge in the sandbox with another host on it, in a namespace of its own. Each has TCP, UDP, ping and
// DNS by either version of IP, all at once.
import assert from 'node:assert/strict'
import { e2e, type Scope } from '../support/e2e.js'
import { ELSEWHERE, ELSEWHERE6, Elsewhere } from '../support/elsewhere.js'
import { keepResolvConf, Resolver, setResolvers } from '../support/resolver.js'
import { Sandbox } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { guestProgram } from '../support/world.js'

/** Puts the TAP and a second host on a bridge, which takes over the sandbox's addresses. Returns that host's process. */
async function bridge(scope: Scope, guest: Sandbox): Promise<string> {
  const second = scope.use(guest.spawn(['unshare', '--net', 'sh', '-c', 'echo "pid $$"; exec cat'], { deadline: 120_000 }))
  const pid = (await second.line(/^pid (\d+)$/m))[1]!
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
      ip link set lo up
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
      assert.match(ping, /5 packets transmitted, 5 received/)
      assert.equal(name, '192.0.2.1\n')
    }
    return [one(ELSEWHERE, '10.0.2.2', '10.0.2.3'), one(ELSEWHERE6, 'fd00::2', 'fd00::3')]
  })
  await Promise.all(all)
})
