// A connection to a control socket, and who is at its other end: the kernel's word (unix(7), SO_PEERCRED), not the answer's. A process is signalled
// by a descriptor that stands for it (pidfd), because its PID may be another's by then.
import { Socket } from 'node:net'
import { constants } from 'node:os'
import { createContext, type NativeContext } from '../host/native.js'
import { errnoName } from '../util/errors.js'

/** Arena of the addon's context (bytes): a path. */
const ARENA = 4_096

let native: NativeContext | null = null

/** The process that serves a network. */
export class NetworkProcess {
  readonly #pidfd: number

  constructor(pidfd: number) {
    this.#pidfd = pidfd
  }

  /** Nothing happens when it has ended. */
  signal(name: NodeJS.Signals): void {
    native!.pidfdSignal(this.#pidfd, constants.signals[name])
  }

  close(): void {
    native!.closeDescriptor(this.#pidfd)
  }
}

export class ControlPeer {
  /** Of who listens, as it began to. */
  readonly uid: number
  readonly #pid: number
  readonly #descriptor: number

  private constructor(descriptor: number, pid: number, uid: number) {
    this.#descriptor = descriptor
    this.#pid = pid
    this.uid = uid
  }

  /** Connects to a socket; what it failed with, as the name of an errno. */
  static connect(path: string): ControlPeer | string {
    native ??= createContext(ARENA)
    const bytes = Buffer.from(path)
    new Uint8Array(native.arena).set(bytes)
    const descriptor = native.unixConnect(0, bytes.length)
    if (descriptor < 0) return errnoName(descriptor)
    const status = native.peerCredentials(descriptor)
    const [pid = 0, uid = 0] = new Int32Array(native.scratch)
    if (status >= 0) return new ControlPeer(descriptor, pid, uid >>> 0)
    native.closeDescriptor(descriptor)
    return errnoName(status)
  }

  get isOwn(): boolean {
    return this.uid === process.getuid!()
  }

  /** Its process; null for one that cannot be seen from here (another PID namespace), or has ended. */
  process(): NetworkProcess | null {
    const known = native!.peerPidfd(this.#descriptor)
    // Before Linux 6.5.
    const pidfd = known >= 0 || this.#pid === 0 ? known : native!.pidfdOpen(this.#pid)
    return pidfd < 0 ? null : new NetworkProcess(pidfd)
  }

  /** The connection itself, which closes the descriptor. */
  socket(): Socket {
    return new Socket({ fd: this.#descriptor, readable: true, writable: true })
  }

  close(): void {
    native!.closeDescriptor(this.#descriptor)
  }
}
