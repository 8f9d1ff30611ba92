// What the public API speaks of, as interfaces: network.ts implements them, src/index.ts exports them, the command line uses
// nothing else. Everything here is a snapshot or a promise; nothing is live memory.
import type { Readable, Writable } from 'node:stream'
import type { LaunchStreams } from '../host/launcher-arguments.js'
import type { LaunchTarget } from '../host/launcher-errors.js'
import type { TapFeatures } from '../host/tap-device.js'
import type { Publication } from './publications.js'
import type { PublishOptions } from './publish-spec.js'

/** One end of a flow. */
export interface Endpoint {
  /** Text of an IPv4 or IPv6 address. */
  readonly address: string
  /** 0 to 65,535; of a ping flow its identifier on the sandbox's side, and 0 on the other. */
  readonly port: number
}

/** One TCP connection, UDP mapping or ping exchange: a copy of its row. */
export interface FlowInfo {
  readonly protocol: 'tcp' | 'udp' | 'ping'
  /** State of RFC 9293, 3.3.2, as the sandbox's peer sees it; of UDP and ping `ONE-WAY` until an answer came, then `TWO-WAY`. */
  readonly state: string
  /** The sandbox's end. */
  readonly guest: Endpoint
  /** The other end as the sandbox names it: `10.0.2.2` for the host. A UDP mapping serves every peer, and has null here. */
  readonly remote: Endpoint | null
  /** The other end as the host's socket knows it: `127.0.0.1` for the host. Null while it has none. */
  readonly host: Endpoint | null
  /** Bytes of payload from the sandbox, and to it. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Frames from the sandbox, and to it; a super-segment is one. */
  readonly packetsIn: number
  readonly packetsOut: number
  /** Milliseconds since it began, and since there was traffic. */
  readonly age: number
  readonly idle: number
}

/** Frames that a bad link (option `impairment`) has not passed on as they came, one way. */
export interface ImpairedFrames {
  /** Lost by chance, and for want of room in the queue of a limited rate. */
  readonly lost: number
  readonly overflowed: number
  readonly duplicated: number
  readonly corrupted: number
  readonly reordered: number
}

/** What has been counted since the network was created. */
export interface Counters {
  /** Frames from the sandbox, to it, and lost on the way there because the interface took no more. */
  readonly framesIn: number
  readonly framesOut: number
  readonly framesLost: number
  /** Flows now open, and in all. */
  readonly flowsOpen: number
  readonly flowsTotal: number
  /** Flows that were refused for where they go, and for how many their guest or destination has. */
  readonly flowsRefused: number
  readonly flowsLimited: number
  /** Flows that were ended because another one needed their place: half-open connections and, of a full table, datagram flows. */
  readonly flowsEvicted: number
  /** Payload of all flows from the sandbox, and to it. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Errors of ours that nobody had foreseen, in this process: what they happened in was given up, and all else went on. 0, or a report is due. */
  readonly defects: number
  /** TCP segments that were sent again. */
  readonly retransmissions: number
  /** What a bad link did, from the sandbox (`up`) and to it; null where the link is good. */
  readonly impaired: { readonly up: ImpairedFrames; readonly down: ImpairedFrames } | null
  /** Frames that were dropped, by reason (`ipv4Checksum`, ...); reasons that did not occur are left out. */
  readonly drops: Readonly<Record<string, number>>
}

/** Addresses of a network, as text. */
export interface NetworkAddresses {
  /** Network address, without the prefix length. */
  readonly network: string
  /** Prefix length, in bits. */
  readonly prefix: number
  /** Router of the sandbox, and by default the host's loopback. */
  readonly gateway: string
  /** Name server of the sandbox. */
  readonly dns: string
  /** The sandbox itself. */
  readonly guest: string
  /** The same of IPv6; null: the sandbox has none. */
  readonly ipv6: Omit<NetworkAddresses, 'ipv6'> | null
}

/** How a command in a sandbox is started. */
export interface RunOptions {
  /** Keeps the user's uid and gid inside, in place of root's. Default false. */
  readonly mapCurrentUser?: boolean
  /**
   * Maps the user's subordinate IDs (subuid(5), subgid(5)) besides its own, by newuidmap(1) and newgidmap(1), so that
   * programs can change their user, or give files to others. As root: every ID, as it is. Default false: there is one
   * user and one group inside.
   */
  readonly mapAuto?: boolean
  /**
   * Leaves the command in the PID, IPC and UTS namespaces of this process, where it sees, and may send signals to, this
   * process and all others of the user; what it leaves behind outlives it then, without a network. Default false: it
   * has its own, with a /proc of their own. Where the kernel refuses that /proc (in a container that masks some of its
   * own) the PID namespace is shared after all, and the log has a warning.
   */
  readonly sharePid?: boolean
  /** Working directory. Default: this process's. */
  readonly cwd?: string
  /** The whole environment. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv
  /** Standard streams, as spawn() of node:child_process takes the first three. Default `inherit`. */
  readonly stdio?: StandardStreams
  /** Soft limit of open files (getrlimit(2)), cut to the hard one. Default: this process's, which Node has raised to the hard one. */
  readonly openFiles?: number | undefined
  /** Hardens this process before the command begins, see {@link Network.harden}. Default: no hardening. */
  readonly harden?: HardenOptions
}

/** What {@link Network.harden} takes from this process. */
export interface HardenOptions {
  /** Capabilities, and all files but a few. Default true. */
  readonly sandbox?: boolean
  /** System calls. Default true. */
  readonly seccomp?: boolean
  /** Whether to do without what this kernel does not have, and say so in the log (verbose). Default false. */
  readonly bestEffort?: boolean
}

/** Standard input, output and error alike, or each by itself; a number is a descriptor of this process. */
export type StandardStreams = LaunchStreams

/** How a command ended: by itself with a status, or by a signal. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/**
 * A command that runs in namespaces of its own, connected to the network. It and all that it has started end with the
 * network, with this process, and with `close()`.
 */
export interface Sandbox extends AsyncDisposable {
  /** Of the command, as this process's PID namespace has it: for nsenter(1), `netloom attach`. */
  readonly pid: number
  /**
   * Settles when the command has ended; does not reject. What it has started and left behind has half a second to
   * finish, and has ended by then, too (with `sharePid` it lives on; it has no network when this one is closed).
   */
  readonly exited: Promise<Ending>
  /** The command's standard streams, where `stdio` says `pipe`; else null. */
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /**
   * Sends a signal (default SIGTERM) to the command alone, not to what it has started; false when it has ended. To end
   * everything: `close()`.
   */
  kill(signal?: NodeJS.Signals): boolean
  /**
   * Ends every process of the sandbox at once (SIGKILL), and resolves when there is none any more; with `sharePid` the
   * command alone. The network is not closed. Again: does nothing.
   */
  close(): Promise<void>
}

/**
 * A network namespace that somebody else made: a process in it, or files that stand for it and, where it cannot be told from that
 * one, for the user namespace that owns it.
 */
export type AttachTarget = LaunchTarget

/** A namespace of somebody else's that the network is connected to. */
export interface Attachment {
  /** Settles with the reason, one line, when the namespace or its interface is gone; does not reject, nor settle at `close()`. */
  readonly ended: Promise<string>
}

/** A TAP that is open already, or another descriptor with one Ethernet frame a read and a write: a SOCK_SEQPACKET or SOCK_DGRAM socket. */
export interface OpenDevice {
  /** Non-blocking; the network's to close. */
  readonly descriptor: number
  /** What it was opened with. `vnetHeader`: with IFF_VNET_HDR, and virtio-net headers of 10 bytes; nothing else without that. */
  readonly features: TapFeatures
  /** The namespace that it is in, whose end is to be noticed. Default: nothing but the descriptor is looked at. */
  readonly target?: AttachTarget
  /** Descriptor of the warden that a program has left before it became this one (native/src/hardening): has to be there for {@link Network.harden}. */
  readonly warden?: number
}

/** One network: a stack, and the one namespace that it serves. */
export interface Network extends AsyncDisposable {
  /** What it is called by other programs, see `control`. */
  readonly name: string
  /** Path of the socket over which other programs of this user may ask it (HTTP; `GET /openapi.json` says what); null: there is none. */
  readonly control: string | null
  readonly addresses: NetworkAddresses
  readonly mtu: number
  /** Name of the interface in the sandbox. */
  readonly ifname: string
  /** What the kernel has switched on; all false before `run()` or `attach()` has resolved. */
  readonly features: TapFeatures
  /** A snapshot. */
  readonly counters: Counters
  /** The flows that are open, as a snapshot. */
  flows(): FlowInfo[]
  /** Ports of the host that lead into the sandbox. */
  readonly published: readonly Publication[]
  /**
   * Publishes ports, all or none: TCP connections to the host's port are opened again to the sandbox's, from the client's own address and
   * port (from the gateway's, where the client is on the host's loopback or has IPv6). A port of every address is two publications, one
   * for each family the host has. At any time; connections made before `run()` or `attach()` wait three seconds for the sandbox.
   * @throws NetloomError with an errno's name as its code (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`), or `ERR_OPTION`, `ERR_PUBLISH`, exit status 2.
   */
  publish(...ports: PublishOptions[]): Publication[]
  /**
   * Starts a command in new user, network, mount, PID, IPC and UTS namespaces, and resolves when it runs.
   * @throws NetloomError `ENOENT` (exit status 127), `EACCES`, `ENOEXEC`, `EISDIR` (126), `ERR_OPTION`, `ERR_OPEN_FILES` (2),
   * `ERR_SUBORDINATE_IDS`, `ERR_CLOSED`, or one of `attach()`.
   */
  run(command: readonly string[], options?: RunOptions): Promise<Sandbox>
  /**
   * Gives an existing namespace an interface, and resolves when that is up.
   * @throws NetloomError `ERR_USER_NAMESPACES`, `ERR_TUN`, `ERR_TARGET`, `ERR_OWN_NETWORK`, `ERR_INTERFACE` or `ERR_LAUNCHER`: why the
   * machine does not allow it, with the remedy.
   */
  attach(target: AttachTarget): Promise<Attachment>
  /**
   * Serves an interface that somebody else has opened and configured. Frames that wait in it have been answered when this returns.
   * @throws NetloomError `ERR_BUSY`, `ERR_CLOSED`.
   */
  attachDevice(device: OpenDevice): Attachment
  /**
   * Hardens this process, all of its threads, for good: for a program that does nothing else than serve this network, once that is attached.
   * `sandbox`: no capabilities but that to listen on low ports; no file can be opened but what a network needs, no process outside be sent a signal
   * (Landlock, Linux 5.13 and 6.12). `seccomp`: the process is killed when it starts a program, looks into another process, or touches mounts, namespaces or
   * the kernel; it can make no sockets but those of TCP, UDP and ping, and send no signals but to itself. What it may do is listed in
   * native/src/hardening/seccomp_rules.h. {@link Sandbox.kill} goes by way of another process from then on. Neither can be undone. Node's
   * debugger no longer opens at SIGUSR1.
   * @throws NetloomError `ERR_HARDENING`, `ERR_SANDBOX`: why the machine does not allow it, or that Node's debugger is open.
   */
  harden(options?: HardenOptions): Promise<void>
  /**
   * Waits until what a command that has ended had still to send is in the host's kernel, as its own kernel would do for it: TCP connections that it
   * closed, and nobody else has open. Given up after 60 s without progress, or when `signal` is aborted. Call it before `close()`.
   */
  drain(signal?: AbortSignal): Promise<void>
  /**
   * Ends every flow, closes every socket and takes the interface away. A sandbox still running ends, all of it; a
   * `run()`, `attach()` or `harden()` that has not resolved is rejected with `ERR_CLOSED`. Resolves when nothing is
   * left. Again: does nothing.
   */
  close(): Promise<void>
}
