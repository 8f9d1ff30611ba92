// Tunnels of the guest's kernel: two machines, a sandbox on each, and the kernel's own VXLAN between the two through a published UDP port, as
// container networks make it (flannel, Usernetes). The TCP inside leaves its sandbox with its checksum open.
import assert from 'node:assert/strict'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { ELSEWHERE, ELSEWHERE6, Elsewhere, HOST_ADDRESS, HOST_ADDRESS6 } from '../support/elsewhere.js'
import { Program, until } from '../support/program.js'
import { answer, Sandbox } from '../support/sandbox.js'
import { asUser, guestProgram, NETLOOM, userEnvironment } from '../support/world.js'

const VXLAN_PORT = 8472
const GPE_PORT = 4790
/** Of the link inside the tunnel, bytes: what it adds fits the path. */
const INNER_MTU = 1400
const published = (address: string, address6: string) =>
  [VXLAN_PORT, GPE_PORT].flatMap((port) => ['-p', `${address}:${port}:${port}/udp`, '-p', `[${address6}]:${port}:${port}/udp6`])
const WAITING = ['sh', '-c', 'echo "pid $$"; exec cat']

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))

/** A sandbox here and one on the other machine. */
async function startBoth(scope: Scope): Promise<readonly [Sandbox, Sandbox]> {
  const here = scope.use(await Sandbox.start(...published(HOST_ADDRESS, HOST_ADDRESS6)))
  const command = elsewhere().inside(...asUser([...NETLOOM, 'run', ...published(ELSEWHERE, ELSEWHERE6), '--', ...WAITING]))
  const program = new Program(command, { environment: userEnvironment, directory: '/', deadline: 600_000 })
  return [here, scope.use(await Sandbox.of(program))]
}
const sandboxes = shared(startBoth)

interface Tunnel {
  readonly name: string
  /** Commands that make the device, with this end's number and the other machine's address. */
  readonly make: (end: number, remote: string) => string
}

const addresses = (end: number) =>
  `ip link set tunnel mtu ${INNER_MTU} up; ip address add 10.9.0.${end}/24 dev tunnel; ip address add fd09::${end}/64 dev tunnel nodad`

const VXLAN: Tunnel = {
  name: 'VXLAN',
  make: (end, remote) => `ip link add tunnel type vxlan id 7 dstport ${VXLAN_PORT} remote ${remote}; ${addresses(end)}`,
}
/** No Ethernet inside: IP in UDP. */
const GPE: Tunnel = {
  name: 'IP in UDP (VXLAN-GPE)',
  make: (end, remote) => {
    const encap = `encap ${remote.includes(':') ? 'ip6' : 'ip'} id 7 dst ${remote} csum dev tunnel`
    return `ip link add tunnel type vxlan external gpe dstport ${GPE_PORT}; ${addresses(end)}
      ip route add 10.9.0.${3 - end}/32 ${encap}; ip route add fd09::${3 - end}/128 ${encap}`
  },
}

for (const tunnel of [VXLAN, GPE]) {
  for (const [version, remotes] of [
    ['IPv4', [ELSEWHERE, HOST_ADDRESS]],
    ['IPv6', [ELSEWHERE6, HOST_ADDRESS6]],
  ] as const) {
    e2e(`TCP and UDP in ${tunnel.name} over ${version} are whole, both ways`, async (scope) => {
      const both = sandboxes()
      for (const [i, box] of both.entries()) {
        await box.must(['sh', '-ec', tunnel.make(i + 1, remotes[i]!)])
        scope.defer(async () => {
          await box.must(['ip', 'link', 'del', 'tunnel'])
        })
      }
      const [here, there] = both
      const echo = scope.use(there.guest('echo.py', '10.9.0.2', 'fd09::2'))
      const port = (await echo.line(/^port (\d+)$/m))[1]!
      for (const address of ['10.9.0.2', 'fd09::2']) {
        const isUp = async () => (await here.exec(['ping', '-n', '-c', '1', '-W', '1', address])).status === 0
        await until(isUp, `no ping through the tunnel to ${address}`)
        // Text that is one segment, and text that is many super-segments.
        for (const [count, bytes] of [
          [20, 100],
          [2, 3_000_000],
        ] as const) {
          const echoed = await here.ask('tcp.py', 'parallel', address, port, count, bytes)
          assert.deepEqual(echoed, { equal: count, received: count * bytes })
        }
        for (const size of [1, 1000, 8000]) {
          assert.deepEqual(await here.ask('udp.py', 'echo', address, port, size, size), { error: null, size })
        }
      }
    })
  }
}

e2e('so are they between containers: a bridge and veth pairs behind the tunnel', async (scope) => {
  const both = sandboxes()
  const inner = ['unshare', '--net', 'sh', '-c', 'echo "pid $$"; exec cat']
  const containers: { box: Sandbox; pid: string }[] = []
  for (const [i, box] of both.entries()) {
    const remote = i === 0 ? ELSEWHERE : HOST_ADDRESS
    const container = scope.use(box.spawn(inner, { deadline: 600_000 }))
    const pid = (await container.line(/^pid (\d+)$/m))[1]!
    await box.must([
      'sh',
      '-ec',
      `ip link add tunnel type vxlan id 7 dstport ${VXLAN_PORT} remote ${remote}
       ip link add bridge type bridge; ip link set tunnel master bridge
       ip link add port mtu ${INNER_MTU} type veth peer name eth0 mtu ${INNER_MTU} netns ${pid}; ip link set port master bridge
       for link in tunnel bridge port; do ip link set $link up; done
       nsenter --target=${pid} --net sh -ec 'ip link set lo up; ip link set eth0 up; ip address add 10.9.1.${i + 1}/24 dev eth0'`,
    ])
    scope.defer(async () => {
      await box.must(['sh', '-ec', 'ip link del tunnel; ip link del bridge; ip link del port'])
    })
    containers.push({ box, pid })
  }
  const into = ({ pid }: { pid: string }) => ['nsenter', `--target=${pid}`, '--net']
  const [here, there] = containers as [{ box: Sandbox; pid: string }, { box: Sandbox; pid: string }]
  const echo = scope.use(there.box.spawn([...into(there), ...guestProgram('echo.py'), '10.9.1.2']))
  const port = (await echo.line(/^port (\d+)$/m))[1]!
  const isUp = async () => (await here.box.exec([...into(here), 'ping', '-n', '-c', '1', '-W', '1', '10.9.1.2'])).status === 0
  await until(isUp, 'no ping between the containers')
  const asked = [...into(here), ...guestProgram('tcp.py'), 'parallel', '10.9.1.2', port, '2', '3000000']
  assert.deepEqual(await answer(here.box.spawn(asked)), { equal: 2, received: 6_000_000 })
})
