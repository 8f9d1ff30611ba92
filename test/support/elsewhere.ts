// The rest of the world, as far as the tests need one: another host behind a veth pair, in a network namespace of its own.
//
//   the host (the test file's namespace) 198.51.100.1 ---veth--- 198.51.100.7 elsewhere: answers pings, echoes TCP and UDP
//                                          2001:db8:ee::1 ---------- 2001:db8:ee::7
//   198.51.100.99    on the same link, but nobody has it: unreachable after three unanswered ARP requests
//   198.51.100.98    swallows everything: the host has its MAC address, and nobody answers there
//   203.0.113.0/24   the host's routing table says: unreachable
//   192.0.2.0/24     the host has no route at all
//   2001:db8:bad::/48, 2001:db8:404::/48  the same two of IPv6
//
// All of them are for documents (RFC 5737, RFC 3849).
import { must, Program, until } from './program.js'
import { guestProgram, userEnvironment } from './world.js'

export const HOST_ADDRESS = '198.51.100.1'
export const ELSEWHERE = '198.51.100.7'
export const NOBODY = '198.51.100.99'
export const SWALLOWING = '198.51.100.98'
export const UNREACHABLE = '203.0.113.5'
export const UNROUTED = '192.0.2.5'
export const HOST_ADDRESS6 = '2001:db8:ee::1'
export const ELSEWHERE6 = '2001:db8:ee::7'
export const UNREACHABLE6 = '2001:db8:bad::5'
export const UNROUTED6 = '2001:db8:404::5'

export class Elsewhere {
  /** The TCP and UDP port (the same number) that it echoes on. */
  readonly echoPort: number
  readonly #program: Program
  readonly #pid: string

  constructor(program: Program, pid: string, echoPort: number) {
    this.#program = program
    this.#pid = pid
    this.echoPort = echoPort
  }

  /** A command, as one that runs there. */
  inside(...command: readonly string[]): string[] {
    return ['nsenter', `--target=${this.#pid}`, '--net', ...command]
  }

  static async start(): Promise<Elsewhere> {
    const inside = [
      'sh',
      '-c',
      'ip link set lo up; echo "pid $$"; read go; exec "$@"',
      'sh',
      ...guestProgram('echo.py'),
      ELSEWHERE,
      ELSEWHERE6,
    ]
    const program = new Program(['unshare', '--net', ...inside], { environment: userEnvironment, deadline: 600_000 })
    const pid = (await program.line(/^pid (\d+)$/m))[1]!
    await must(['ip', 'link', 'add', 'elsewhere', 'type', 'veth', 'peer', 'name', 'uplink', 'netns', pid])
    // A link-local address can be used at once, not when nobody has claimed it for a second.
    const atOnce = (device: string) => ['sh', '-c', `echo 0 > /proc/sys/net/ipv6/conf/${device}/accept_dad`]
    await must(atOnce('elsewhere'))
    await must(['nsenter', `--target=${pid}`, '--net', ...atOnce('uplink')])
    const there = ['nsenter', `--target=${pid}`, '--net', 'ip']
    await must([...there, 'address', 'add', `${ELSEWHERE}/24`, 'dev', 'uplink'])
    await must([...there, 'address', 'add', `${ELSEWHERE6}/64`, 'dev', 'uplink', 'nodad'])
    await must([...there, 'link', 'set', 'uplink', 'up'])
    await must(['ip', 'address', 'add', `${HOST_ADDRESS}/24`, 'dev', 'elsewhere'])
    await must(['ip', 'address', 'add', `${HOST_ADDRESS6}/64`, 'dev', 'elsewhere', 'nodad'])
    await must(['ip', 'link', 'set', 'elsewhere', 'up'])
    await must(['ip', 'neigh', 'add', SWALLOWING, 'lladdr', '02:00:00:00:00:98', 'dev', 'elsewhere', 'nud', 'permanent'])
    await must(['ip', 'route', 'add', 'unreachable', '203.0.113.0/24'])
    await must(['ip', 'route', 'add', 'unreachable', '2001:db8:bad::/48'])
    // The kernel may take a second to see that there is somebody at the other end.
    const isUp = async () => / state UP /.test(await must(['ip', '-o', 'link', 'show', 'dev', 'elsewhere']))
    await until(isUp, 'the link to the host elsewhere does not come up')
    program.write('go\n')
    const line = await program.line(/^port (\d+)$/m)
    return new Elsewhere(program, pid, Number(line[1]))
  }

  async close(): Promise<void> {
    await must(['ip', 'route', 'del', 'unreachable', '203.0.113.0/24'])
    await must(['ip', 'route', 'del', 'unreachable', '2001:db8:bad::/48'])
    // Its namespace goes with its last process, and takes the pair with it: a little later, so it is taken here.
    await must(['ip', 'link', 'del', 'elsewhere'])
    await this.#program.close()
  }
}
