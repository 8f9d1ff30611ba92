// A path of four links and three routers, each in a network namespace of its own, with a server at the end.
//
//   the host              router 1                router 2                router 3                the server
//   198.18.1.1 ---------- 198.18.1.2, 198.18.2.1 - 198.18.2.2, 198.18.3.1 = 198.18.3.2, 198.18.4.1 - 198.18.4.2
//   2001:db8:1::1 ------- 2001:db8:1::2 ...        (the same of IPv6)      =                          2001:db8:4::2
//                                                                       MTU 1280
//   198.18.100.0/24, 2001:db8:100::/64   unreachable, says router 2
//   198.18.101.0/24, 2001:db8:101::/64   prohibited, says router 2
//
// The server answers pings, and echoes TCP and UDP. All are addresses for benchmarks (RFC 2544) and documents (RFC 3849).
import { must, Program } from './program.js'
import { guestProgram, userEnvironment } from './world.js'

/** Of the link between routers 2 and 3, bytes: what every link of IPv6 can carry (RFC 8200, 5). */
export const NARROW_MTU = 1280
/** All of them: a router sends what it knows no other way for on to the next. */
const NETWORK = '198.18.0.0/16'
const NETWORK6 = '2001:db8::/32'

/** The path as one version of IP sees it, from the sandbox on. */
export interface Path {
  readonly name: 'IPv4' | 'IPv6'
  readonly gateway: string
  readonly dns: string
  readonly routers: readonly [string, string, string]
  readonly server: string
  readonly unreachable: string
  readonly prohibited: string
  /** What is in front of an echo request's data or a datagram's, bytes. */
  readonly headers: number
}

const IPV4: Path = {
  name: 'IPv4',
  gateway: '10.0.2.2',
  dns: '10.0.2.3',
  routers: ['198.18.1.2', '198.18.2.2', '198.18.3.2'],
  server: '198.18.4.2',
  unreachable: '198.18.100.5',
  prohibited: '198.18.101.5',
  headers: 28,
}
const IPV6: Path = {
  name: 'IPv6',
  gateway: 'fd00::2',
  dns: 'fd00::3',
  routers: ['2001:db8:1::2', '2001:db8:2::2', '2001:db8:3::2'],
  server: '2001:db8:4::2',
  unreachable: '2001:db8:100::5',
  prohibited: '2001:db8:101::5',
  headers: 48,
}
export const PATHS = [IPV4, IPV6] as const

/** A namespace: the process that holds it. */
interface Station {
  readonly program: Program
  readonly pid: string
}

/** Waits, and then becomes the command, in a new network namespace. */
async function makeStation(command: readonly string[]): Promise<Station> {
  const inside = ['sh', '-c', 'ip link set lo up; echo "pid $$"; read go; exec "$@"', 'sh', ...command]
  const program = new Program(['unshare', '--net', ...inside], { environment: userEnvironment, deadline: 600_000 })
  return { program, pid: (await program.line(/^pid (\d+)$/m))[1]! }
}

const within = (station: Station, ...command: readonly string[]): string[] => ['nsenter', `--target=${station.pid}`, '--net', ...command]

/** Runs shell commands in a station, or on the host. */
const shell = (station: Station | null, script: string): Promise<string> => {
  const command = ['sh', '-ec', script]
  return must(station === null ? command : within(station, ...command))
}

/** The link of a number, from the station before it (the host) to the one behind. */
async function connect(link: number, before: Station | null, station: Station): Promise<void> {
  const mtu = link === 3 ? NARROW_MTU : 1500
  const up = (end: number, device: string) =>
    `ip address add 198.18.${link}.${end}/24 dev ${device}; ip address add 2001:db8:${link}::${end}/64 dev ${device} nodad; ip link set ${device} up`
  const back = Array.from({ length: link - 1 }, (_, i) => i + 1)
  // A router, one that has its addresses at once, and never keeps an error to itself.
  const sysctls = [
    'ipv6/conf/all/accept_dad=0',
    'ipv6/conf/default/accept_dad=0',
    'ipv4/ip_forward=1',
    'ipv6/conf/all/forwarding=1',
    'ipv4/icmp_ratemask=0',
    'ipv6/icmp/ratelimit=0',
  ]
  await shell(station, sysctls.map((one) => `echo ${one.slice(-1)} > /proc/sys/net/${one.slice(0, -2)}`).join('; '))
  await shell(
    before,
    `ip link add down${link} mtu ${mtu} type veth peer name up${link} mtu ${mtu} netns ${station.pid}; ${up(1, `down${link}`)}`,
  )
  await shell(
    station,
    `${up(2, `up${link}`)}
     ${back.map((to) => `ip route add 198.18.${to}.0/24 via 198.18.${link}.1; ip route add 2001:db8:${to}::/64 via 2001:db8:${link}::1`).join('; ')}`,
  )
  await shell(before, `ip route add ${NETWORK} via 198.18.${link}.2; ip route add ${NETWORK6} via 2001:db8:${link}::2`)
}

export class RouterChain {
  /** The TCP and UDP port (the same number) that the server echoes on. */
  readonly echoPort: number
  readonly #stations: readonly Station[]

  constructor(stations: readonly Station[], echoPort: number) {
    this.#stations = stations
    this.echoPort = echoPort
  }

  static async start(): Promise<RouterChain> {
    const routers = await Promise.all(IPV4.routers.map(() => makeStation(['sleep', 'infinity'])))
    const stations = [...routers, await makeStation([...guestProgram('echo.py'), IPV4.server, IPV6.server])]
    for (const [i, station] of stations.entries()) await connect(i + 1, i === 0 ? null : stations[i - 1]!, station)
    await shell(
      routers[1]!,
      `ip route add unreachable 198.18.100.0/24; ip route add prohibit 198.18.101.0/24
       ip route add unreachable 2001:db8:100::/64; ip route add prohibit 2001:db8:101::/64`,
    )
    for (const { program } of stations) program.write('go\n')
    const line = await stations.at(-1)!.program.line(/^port (\d+)$/m)
    return new RouterChain(stations, Number(line[1]))
  }

  /** Has the host forget what it knows of the path, its MTU above all: that is kept with the route. */
  async forget(): Promise<void> {
    await shell(
      null,
      `ip route del ${NETWORK}; ip route add ${NETWORK} via ${IPV4.routers[0]}
       ip route del ${NETWORK6}; ip route add ${NETWORK6} via ${IPV6.routers[0]}; ip -6 route flush cache`,
    )
  }

  /** Has the second router refuse what goes to an address, or no more. */
  async block(address: string, isBlocked: boolean): Promise<void> {
    await shell(this.#stations[1]!, `ip route ${isBlocked ? 'add' : 'del'} unreachable ${address}`)
  }

  /** Starts a command at the server's place. */
  atServer(command: readonly string[]): Program {
    return new Program(within(this.#stations.at(-1)!, ...command), { environment: userEnvironment })
  }

  async close(): Promise<void> {
    // Namespaces go with their last process, and take their links with them: a little later, so this one is taken here.
    await must(['ip', 'link', 'del', 'down1'])
    for (const { program } of this.#stations) await program.close()
  }
}
