// Knows when a network namespace of somebody else's ends, without polling. Our own descriptor of the TAP keeps the namespace
// itself from ending, so that the interface never tells; what ends is who uses it:
//
//     by PID    the process (pidfd_open(2)), then any other process in the same namespace, found by one pass over /proc
//     by path   the file, which keeps a namespace alive without a process: a bind mount (ip netns, container engines). The kernel
//               tells of every change to the mounts through /proc/self/mountinfo (proc(5): poll); when the path no longer
//               names the same namespace, processes count, as above. A link into /proc is the process that it leads to.
//
// Once this process is hardened it may look for no process itself; then the warden does. One that was there from the start watches the file, too: with
// another root it is out of our sight.
//
// Whoever polls mountinfo takes the news with it, and with one epoll descriptor inside another that is the outer one, Node's: the
// inner one has nothing to report then. So mountinfo has a context of its own, of which being woken is the news.
import { closeSync, openSync, readdirSync } from 'node:fs'
import { guard } from '../util/guard.js'
import { EPOLLIN, type EventLoop, type ReadyHandler, TOKEN_PROCESS, token } from './event-loop.js'
import { describeTarget, type LaunchTarget } from './launcher-errors.js'
import { createContext, type NativeContext } from './native.js'
import { findProcess, identifyNamespace, processOf } from './network-namespace.js'
import type { Warden } from './warden.js'

/** epoll(7); the other events are in event-loop.ts. */
const EPOLLPRI = 0x002
/** A namespace that whoever started us keeps alive: what he has in mind for it may be yet to come, so what is in it now counts, if anything is. */
const DESCRIPTOR = /^\/proc\/(self|\d+)\/fd\/\d+$/
/** Where it cannot be told now who is there (no descriptor is left to look with), it is asked again after so long, ms. */
const RETRY = 1_000
/** errno(3), of pidfd_open(2): there is no such process; it is a thread, or has just ended. */
const ESRCH = 3
const EINVAL = 22
/** Nothing is stored in the context of mountinfo (bytes). */
const ARENA_BYTES = 4096

interface MountWatch {
  readonly native: NativeContext
  readonly descriptor: number
}

export class NamespaceWatch implements ReadyHandler {
  /** Settles with the reason, one line, when nothing uses the namespace any more; never after `close()`. */
  readonly ended: Promise<string>
  readonly #native: NativeContext
  readonly #name: string
  readonly #namespace: string
  readonly #path: string
  #resolve: (reason: string) => void = () => {}
  #isClosed = false
  #process = -1
  #mounts: MountWatch | null = null
  #generation = 0
  #warden: Warden | null = null
  #retry: NodeJS.Timeout | null = null

  /**
   * Watches from now on. A target that does not exist has ended; that it never did, launching says. With a warden this process may look into
   * no other from the start.
   */
  constructor(native: NativeContext, loop: EventLoop, target: LaunchTarget, warden: Warden | null = null) {
    this.#warden = warden
    this.#native = native
    this.#name = describeTarget(target)
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
    loop.serve(TOKEN_PROCESS, this)
    const pid = 'pid' in target ? target.pid : processOf(target.netns)
    this.#path = 'pid' in target || pid > 0 ? '' : target.netns
    this.#namespace = identifyNamespace(this.#path === '' ? `/proc/${pid}/ns/net` : this.#path)
    if (warden !== null && this.#path === '') this.#ask(warden, true)
    else if (this.#namespace === '') this.#end('is gone')
    else if (DESCRIPTOR.test(this.#path) && warden !== null) this.#ask(warden, false)
    else if (DESCRIPTOR.test(this.#path)) this.#follow(findProcess(this.#namespace))
    else if (this.#path !== '' && warden !== null) warden.onUnnamed = () => this.#followAny()
    else if (this.#path !== '') this.#watchMounts()
    else if (this.#follow(pid) !== 'followed') this.#followAny()
  }

  /** The process has ended. */
  ready(_index: number, generation: number): void {
    if (!this.#isClosed && generation === this.#generation) this.#followAny()
  }

  /** From now on the warden is asked: before this process is hardened. */
  guard(warden: Warden): void {
    this.#warden = warden
  }

  close(): void {
    this.#isClosed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#closeProcess()
    this.#closeMounts()
  }

  #end(what: string): void {
    if (this.#isClosed) return
    this.close()
    this.#resolve(`the network namespace of ${this.#name} ${what}`)
  }

  /** Watches a process that is in the namespace: `followed` when it is there, and was still there once it was watched. */
  #follow(pid: number): 'followed' | 'gone' | 'unknown' {
    const descriptor = this.#native.pidfdOpen(pid)
    if (descriptor < 0) return descriptor === -ESRCH || descriptor === -EINVAL ? 'gone' : 'unknown'
    // A PID may have been given to another process since it was looked up; from here on it cannot.
    if (identifyNamespace(`/proc/${pid}/ns/net`) !== this.#namespace) {
      this.#native.closeDescriptor(descriptor)
      return 'gone'
    }
    return this.#await(descriptor) ? 'followed' : 'unknown'
  }

  #await(process: number): boolean {
    this.#generation = (this.#generation + 1) & 0xff
    if (this.#native.epollAdd(process, token(TOKEN_PROCESS, this.#generation, 0), EPOLLIN) < 0) {
      this.#native.closeDescriptor(process)
      return false
    }
    this.#process = process
    return true
  }

  // Nobody knows now: the namespace is taken to live, and looked at again.
  #later(): void {
    if (this.#isClosed) return
    const again = guard.wrap('looking for processes', () => {
      this.#retry = null
      this.#followAny()
    })
    this.#retry ??= setTimeout(again, RETRY).unref()
  }

  /** When there is no warden any more, the namespace is taken to live. */
  #ask(warden: Warden, endsWithout: boolean): void {
    const answered = guard.wrap('an answer of the warden', (process: number) => {
      if (process < 0 && endsWithout) this.#end('has no process left')
      else if (this.#isClosed && process >= 0) this.#native.closeDescriptor(process)
      else if (process >= 0 && !this.#await(process)) this.#later()
    })
    void warden.nextProcess().then(answered, () => {
      if (!warden.isGone) this.#later()
    })
  }

  #followAny(): void {
    this.#closeProcess()
    if (this.#warden !== null) {
      this.#ask(this.#warden, true)
      return
    }
    switch (this.#find()) {
      case 'followed':
        break
      case 'gone':
        this.#end('has no process left')
        break
      case 'unknown':
        this.#later()
    }
  }

  #find(): 'followed' | 'gone' | 'unknown' {
    let names: string[]
    try {
      names = readdirSync('/proc')
    } catch {
      return 'unknown'
    }
    for (const name of names) {
      if (!/^\d+$/.test(name) || identifyNamespace(`/proc/${name}/ns/net`) !== this.#namespace) continue
      const outcome = this.#follow(Number(name))
      if (outcome !== 'gone') return outcome
    }
    return 'gone'
  }

  #watchMounts(): void {
    const native = createContext(ARENA_BYTES)
    let descriptor: number
    try {
      descriptor = openSync('/proc/self/mountinfo', 'r')
    } catch (error) {
      native.close()
      throw error
    }
    this.#mounts = { native, descriptor }
    native.epollAdd(descriptor, 0, EPOLLPRI)
    native.start(guard.wrap('a change of the mounts', () => this.#mountsChanged()))
    // A change before that is not told.
    this.#mountsChanged()
  }

  #mountsChanged(): void {
    this.#mounts?.native.epollWait(1, 0)
    if (this.#isClosed || identifyNamespace(this.#path) === this.#namespace) return
    this.#closeMounts()
    this.#followAny()
  }

  #closeProcess(): void {
    if (this.#process < 0) return
    this.#native.epollDelete(this.#process)
    this.#native.closeDescriptor(this.#process)
    this.#process = -1
  }

  #closeMounts(): void {
    if (this.#mounts === null) return
    this.#mounts.native.close()
    closeSync(this.#mounts.descriptor)
    this.#mounts = null
  }
}
