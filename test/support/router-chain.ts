// A path of four links and three routers, each in a network namespace of its own, with a server at the end.
//
//   the host              router 1                router 2                router 3                the server
//   198.18.1.1 ---------- 198.18.1.2, 198.18.2.1 - 198.18.2.2, 198.18.3.1 = 198.18.3.2, 198.18.4.1 - 198.18.4.2
//                                                                       MTU 1280
//   198.18.100.0/24   unreachable, says router 2
//   198.18.101.0/24   prohibited, says router 2
//
// The server answers pings, and echoes TCP and UDP. All are addresses for benchmarks (RFC 2544).
import { must, Program } from './program.js'
import { guestProgram, userEnvironment } from './world.js'

export const ROUTERS = ['198.18.1.2', '198.18.2.2', '198.18.3.2'] as const
export const SERVER = '198.18.4.2'
export const NARROW_MTU = 1280
/** Who says that a packet is too long for the narrow link, or has no route. */
export const SECOND_ROUTER = ROUTERS[1]
export const UNREACHABLE_BEYOND = '198.18.100.5'
export const PROHIBITED_BEYOND = '198.18.101.5'
/** All of them: a router sends what it knows no other way for on to the next. */
const NETWORK = '198.18.0.0/16'

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

export class RouterChain {
  /** The TCP and UDP port (the same number) that the server echoes on. */
  readonly echoPort: number
  readonly #stations: readonly Station[]

  constructor(stations: readonly Station[], echoPort: number) {
    this.#stations = stations
    this.echoPort = echoPort
  }

  static async start(): Promise<RouterChain> {
    const routers = await Promise.all(ROUTERS.map(() => makeStation(['sleep', 'infinity'])))
    const stations = [...routers, await makeStation([...guestProgram('echo.py'), SERVER])]
    for (const [i, station] of stations.entries()) {
      const link = i + 1
      const before = i === 0 ? null : stations[i - 1]!
      const mtu = link === 3 ? NARROW_MTU : 1500
      await shell(before, `ip link add down${link} mtu ${mtu} type veth peer name up${link} mtu ${mtu} netns ${station.pid}`)
      await shell(before, `ip address add 198.18.${link}.1/24 dev down${link}; ip link set down${link} up`)
      await shell(station, `ip address add 198.18.${link}.2/24 dev up${link}; ip link set up${link} up`)
      for (let back = 1; back < link; back++) await shell(station, `ip route add 198.18.${back}.0/24 via 198.18.${link}.1`)
      await shell(before, `ip route add ${NETWORK} via 198.18.${link}.2`)
      // A router, and one that never keeps an error to itself.
      await shell(station, 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/icmp_ratelimit')
    }
    await shell(routers[1]!, 'ip route add unreachable 198.18.100.0/24; ip route add prohibit 198.18.101.0/24')
    for (const { program } of stations) program.write('go\n')
    const line = await stations.at(-1)!.program.line(/^port (\d+)$/m)
    return new RouterChain(stations, Number(line[1]))
  }

  /** Has the host forget what it knows of the path, its MTU above all: that is kept with the route. */
  async forget(): Promise<void> {
    await shell(null, `ip route del ${NETWORK}; ip route add ${NETWORK} via ${ROUTERS[0]}`)
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
