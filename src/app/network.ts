// One network: a context of the addon, an event loop, a stack, and the TAP of the one namespace it serves. This is what the
// command line and the library use; types.ts says what each member means.
import { setTimeout } from 'node:timers/promises'
import { tableBytes } from '../flow/flow-table.js'
import { EventLoop } from '../host/event-loop.js'
import { HostAddresses } from '../host/host-addresses.js'
import type { LaunchContext, Launched } from '../host/launcher.js'
import type { LaunchInterface } from '../host/launcher-arguments.js'
import { LocalAddresses } from '../host/local-addresses.js'
import { NamespaceSockets } from '../host/namespace-sockets.js'
import { NamespaceWatch } from '../host/namespace-watch.js'
import { createContext, type NativeContext } from '../host/native.js'
import { hasProcess, identifyNamespace } from '../host/network-namespace.js'
import { randomWords } from '../host/random.js'
import type { Resolver } from '../host/resolver.js'
import { RECEIVE_REGION, TapDevice, type TapFeatures } from '../host/tap-device.js'
import { Warden } from '../host/warden.js'
import { ROUTER_WORD } from '../net/address-plan.js'
import { Arena } from '../packet/arena.js'
import { verify } from '../tcp/invariants.js'
import { errnoName, NetloomError } from '../util/errors.js'
import { guard } from '../util/guard.js'
import { format6 } from '../wire/address.js'
import { LINK_LOCAL_0, LINK_LOCAL_1 } from '../wire/ndp.js'
import { AutoPublish } from './auto-publish.js'
import type { ControlServer } from './control-server.js'
import { listFlows } from './flow-list.js'
import { descriptorsForOthers, fitOptions, type HostFacts, mayRunOut, NO_PING, probeHost } from './host-facts.js'
import { LoopbackHint } from './loopback-hint.js'
import { startServices } from './network-services.js'
import { addressTexts, countersOf } from './network-view.js'
import { checkOptions, HARDEN_OPTION_TYPES, PUBLISH_OPTION_TYPES, RUN_OPTION_TYPES } from './option-check.js'
import { checkOpenFiles, type NetworkOptions, type ResolvedOptions } from './options.js'
import { OutboundInterfaces } from './outbound-interfaces.js'
import { PRACTICE_BYTES } from './practice.js'
import { type Publication, Publications } from './publications.js'
import type { PublishOptions } from './publish-spec.js'
import { arenaBytes, SECRET_WORDS, Stack, type StackOptions } from './stack.js'
import type {
  Attachment,
  AttachTarget,
  Counters,
  Ending,
  FlowInfo,
  HardenOptions,
  Network,
  NetworkAddresses,
  OpenDevice,
  RunOptions,
  Sandbox,
} from './types.js'
import { WarmUp } from './warm-up.js'

/** Of the guest's default route: address-plan.ts, ROUTER_WORD. */
const ROUTER = format6(LINK_LOCAL_0, LINK_LOCAL_1, 0, ROUTER_WORD)
const NO_FEATURES: TapFeatures = { vnetHeader: false, checksum: false, tso: false, uso: false }
/** How long what an ended command has sent may make no progress before it is given up, ms. */
const DRAIN_PATIENCE = 60_000
const DRAIN_INTERVAL = 5
/**
 * How long a network that closes waits for what is under way to slow clients of guests that have not ended, ms: without progress, and in all.
 * Less than the 5 s that whoever ends a container waits (cli/oci-hook.ts).
 */
const FAREWELL_PATIENCE = 500
const FAREWELL_LIMIT = 3_000

/**
 * Makes a network, ready for `run` or `attach`.
 * @throws NetloomError when an option is out of its range (see options.ts), `ERR_HOST_ADDRESSES` when it needs what the kernel does not tell,
 * or `ENATIVE` when the addon is not built.
 */
export async function createNetwork(options: NetworkOptions = {}): Promise<Network> {
  const host = probeHost()
  return startNetwork(fitOptions(options, host), host)
}

/**
 * The same with options that have been worked out.
 * @throws NetloomError `ENATIVE`, or why there can be no control socket.
 */
export async function startNetwork(options: ResolvedOptions, host: HostFacts): Promise<Network> {
  const network = new LiveNetwork(options, host)
  try {
    await network.openControl()
  } catch (error) {
    await network.close()
    throw error
  }
  return network
}

/** As few need it, it is loaded when it is. */
const idMapsOf = async ({ mapCurrentUser }: RunOptions) => (await import('../host/subordinate-ids.js')).findIdMaps(mapCurrentUser ?? false)

const closedError = (): NetloomError => new NetloomError('ERR_CLOSED', 'the network is closed', 'create another one')

/** Networks that this process has made: what their names by default tell them apart by. Only the first one warms up. */
let networks = 0

class LiveNetwork implements Network {
  readonly name: string
  readonly addresses: NetworkAddresses
  readonly mtu: number
  readonly ifname: string
  readonly #options: ResolvedOptions
  readonly #native: NativeContext
  readonly #resolver: Resolver | null
  readonly #loop: EventLoop
  readonly #arena: Arena
  readonly #stack: Stack
  // What the device reads into; the launcher's messages too, for both are done with at once.
  readonly #publications: Publications
  readonly #region: number
  readonly #tableDescriptor: number
  readonly #mayRunOut: boolean
  #device: TapDevice | null = null
  #watch: NamespaceWatch | null = null
  #control: ControlServer | null = null
  #sockets: NamespaceSockets | null = null
  readonly #auto: AutoPublish | null
  readonly #hint: LoopbackHint
  // Null: nothing depends on them.
  #hostAddresses: HostAddresses | null
  // What is to practise, and what does.
  #warmUp: WarmUp | null
  #practising: WarmUp | null = null
  #launched: Launched | null = null
  // The launcher of attach(), which ends by itself.
  #leaving: Promise<void> | null = null
  // Of the command, '' before it runs.
  #namespace = ''
  // The file of the namespace that is served; '' for one that is known by its device alone.
  #netns = ''
  #warden: Warden | null = null
  #isBusy = false
  #isClosed = false
  #closing: Promise<void> | null = null
  // What run(), attach() and harden() are about: close() gives it up, and waits for it.
  readonly #giveUp = new AbortController()
  readonly #pending = new Set<Promise<unknown>>()

  constructor(options: ResolvedOptions, { hostRead, mayPing, descriptors }: HostFacts) {
    this.#options = options
    networks++
    this.name = options.name ?? (networks === 1 ? `${process.pid}` : `${process.pid}-${networks}`)
    this.mtu = options.mtu
    this.ifname = options.ifname
    this.addresses = addressTexts(options.addresses)
    const follows = options.outboundInterface4 !== null || options.outboundInterface6 !== null
    this.#hostAddresses = options.host && !follows ? null : new HostAddresses(!options.host)
    const closed = this.#hostAddresses === null || options.host ? null : new LocalAddresses(this.#hostAddresses)
    const stackOptions: StackOptions = { ...options, hostRead, closed }
    const { impairment } = options
    if (impairment !== null) options.log.verbose(`the link is bad on purpose: seed=${impairment.seed} draws the same again`)
    const which = hostRead === 'ring' ? '(Linux 6.9)' : 'over IPv6 (Linux 6.12)'
    if (hostRead !== 'peek') options.log.verbose(`this kernel has no SO_PEEK_OFF for TCP ${which}: bytes wait in a ring of ours`)
    if (!mayPing) options.log.verbose(NO_PING)
    const bytes = arenaBytes(stackOptions)
    const practises = options.warmUp && networks === 1
    this.#native = createContext(practises ? bytes + PRACTICE_BYTES : bytes)
    this.#warmUp = practises ? new WarmUp(this.#native, bytes) : null
    this.#mayRunOut = mayRunOut(descriptors, options.maxFlows)
    this.#native.descriptorLimit(descriptorsForOthers(descriptors))
    this.#loop = new EventLoop(this.#native)
    for (const outbound of [options.outbound4, options.outbound6]) if (outbound !== null) this.#native.outboundAddress(...outbound)
    if (!options.hostLoopback) this.#native.outboundMulticast(0)
    this.#arena = new Arena(this.#native.arena)
    this.#region = this.#arena.allot(RECEIVE_REGION)
    const table = this.#native.sharedMemory(tableBytes(options.maxFlows))
    this.#tableDescriptor = new Int32Array(this.#native.scratch)[0]!
    this.#stack = new Stack(this.#native, this.#loop, this.#arena, table, randomWords(this.#native, SECRET_WORDS), stackOptions)
    if (process.env['NETLOOM_DEBUG'] === '1') {
      this.#stack.tcp.verify = verify
      this.#stack.interface.isStrict = true
    } else guard.tolerate(options.log)
    // On a kernel's default setting nearly every network would begin with it, and few ping beyond the gateway.
    if (!options.log.isVerbose) this.#stack.pings.onForbidden = () => options.log.warn(NO_PING)
    this.#publications = new Publications(
      this.#native,
      this.#stack.forwards,
      options.addresses,
      options.publishDriver,
      () => this.#hostsOwn(),
      options.log,
    )
    this.#hint = new LoopbackHint(this.#native, options.log, !options.directLoopback)
    const { forwards } = this.#stack
    forwards.counts.onRefused = (rule) => this.#hint.refused(forwards.guestPort(rule))
    this.#auto =
      options.publishAuto === null ? null : new AutoPublish(this.#native, this.#publications, options.publishAuto, this.#hint, options)
    if (this.#hostAddresses !== null) this.#follow(this.#hostAddresses, closed)
    this.#resolver = startServices(this.#native, this.#loop, this.#stack, options, closed, () => this.#launched !== null)
  }

  #follow(host: HostAddresses, closed: LocalAddresses | null): void {
    const outbound = new OutboundInterfaces(this.#native, host, this.#options, (family) => this.#stack.endMappings(family))
    host.onChange = () => {
      closed?.update()
      outbound.update()
      this.#publications.updateAddresses()
    }
    host.onChange()
  }

  #hostsOwn(): HostAddresses {
    if (this.#hostAddresses !== null) return this.#hostAddresses
    this.#hostAddresses = new HostAddresses(false)
    this.#follow(this.#hostAddresses, null)
    return this.#hostAddresses
  }

  get control(): string | null {
    return this.#control?.path ?? null
  }

  /** A socket that nobody has asked for by name, and that there is no place for, is done without. */
  async openControl(): Promise<void> {
    const { control, name, log } = this.#options
    if (!control) return
    // What not every network needs is loaded when it does: each millisecond before the guest has a network is waited for.
    const { ControlServer } = await import('./control-server.js')
    try {
      this.#control = await ControlServer.start(this.name, this, { loadsAhead: this.#mayRunOut })
    } catch (error) {
      if (name !== null) throw error
      log.verbose((error as Error).message)
    }
  }

  get features(): TapFeatures {
    return this.#device?.features ?? NO_FEATURES
  }

  get counters(): Counters {
    return countersOf(this.#stack, this.#device, this.flows())
  }

  get published(): readonly Publication[] {
    return this.#publications.all
  }

  publish(...ports: PublishOptions[]): Publication[] {
    this.#expectOpen()
    for (const port of ports) checkOptions('publish()', port, PUBLISH_OPTION_TYPES)
    const opened = this.#publications.open(ports)
    // Who connects before there is a sandbox is waited with, and told when there is none.
    this.#turn()
    return opened
  }

  flows(): FlowInfo[] {
    return listFlows(this.#stack.table, this.#native.now())
  }

  run(command: readonly string[], options: RunOptions = {}): Promise<Sandbox> {
    return this.#attend(() => this.#run(command, options))
  }

  async #run(command: readonly string[], options: RunOptions): Promise<Sandbox> {
    checkOptions('run()', options, RUN_OPTION_TYPES)
    if (options.harden !== undefined) checkOptions('harden()', options.harden, HARDEN_OPTION_TYPES)
    if (command.length === 0) throw new NetloomError('ERR_COMMAND', 'there is no command to run', 'give at least its name', 2)
    const launched = await this.#launch(async (context, link) => {
      const { launchRun } = await import('../host/launcher.js')
      return launchRun(context, link, {
        command,
        dns: this.#options.dns ? this.addresses.dns : null,
        search: this.#resolver?.search ?? [],
        resolverOptions: this.#resolver?.options ?? [],
        mapCurrentUser: options.mapCurrentUser ?? false,
        idMaps: options.mapAuto === true ? await idMapsOf(options) : null,
        sharePid: options.sharePid ?? false,
        cwd: options.cwd,
        env: options.env,
        stdio: options.stdio ?? 'inherit',
        openFiles: checkOpenFiles(options.openFiles),
      })
    })
    this.#launched = launched
    const { child, pid } = launched
    const exited = new Promise<Ending>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve({ code: child.exitCode, signal: child.signalCode })
      else child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    this.#netns = `/proc/${pid}/ns/net`
    this.#namespace = identifyNamespace(this.#netns)
    try {
      // It is served by this process from its first instant.
      if (options.harden !== undefined) await this.#harden(options.harden)
      this.#expectOpen()
      await launched.go()
    } catch (error) {
      await this.#detach()
      throw error
    }
    const { stdin, stdout, stderr } = child
    const close = () => launched.end()
    return { pid, exited, stdin, stdout, stderr, kill: (signal = 'SIGTERM') => launched.kill(signal), close, [Symbol.asyncDispose]: close }
  }

  attach(target: AttachTarget): Promise<Attachment> {
    return this.#attend(() => this.#attach(target))
  }

  async #attach(target: AttachTarget): Promise<Attachment> {
    // Watched from before it is joined, so that an end in between is not missed.
    const watch = new NamespaceWatch(this.#native, this.#loop, target)
    try {
      const launched = await this.#launch(async (context, link) =>
        (await import('../host/launcher.js')).launchAttach(context, link, target),
      )
      // It has nothing more to do.
      this.#leaving = launched.end()
    } catch (error) {
      watch.close()
      throw error
    }
    this.#netns = 'pid' in target ? `/proc/${target.pid}/ns/net` : target.netns
    return this.#attachment(watch)
  }

  attachDevice({ descriptor, features, target, warden }: OpenDevice): Attachment {
    this.#begin()
    if (warden !== undefined) this.#warden = new Warden(warden)
    const watch = target === undefined ? null : new NamespaceWatch(this.#native, this.#loop, target, this.#warden)
    this.#connect(descriptor, features)
    const attachment = this.#attachment(watch)
    this.#loop.poll()
    this.#loop.schedule()
    return attachment
  }

  #attachment(watch: NamespaceWatch | null): Attachment {
    this.#watch = watch
    const gone = new Promise<string>((resolve) => {
      this.#device!.onGone = (errno) => resolve(`the interface ${this.ifname} is gone (${errnoName(errno)})`)
    })
    return { ended: watch === null ? gone : Promise.race([watch.ended, gone]) }
  }

  harden(options: HardenOptions = {}): Promise<void> {
    return this.#attend(() => this.#harden(options))
  }

  async #harden(options: HardenOptions): Promise<void> {
    checkOptions('harden()', options, HARDEN_OPTION_TYPES)
    const { sandbox = true, seccomp = true, bestEffort = false } = options
    if (!sandbox && !seccomp) return
    const { hardenProcess } = await import('../host/hardening.js')
    const hasRoot = this.#warden !== null
    if (sandbox && this.#warden !== null) await this.#warden.enterRoot()
    this.#warden ??= (await import('../host/launcher.js')).launchWarden(this.#native, this.#netns, this.#launched?.child ?? null)
    this.#watch?.guard(this.#warden)
    this.#launched?.guard(this.#warden)
    hardenProcess({ sandbox: sandbox && !hasRoot, seccomp, isBestEffort: bestEffort }, this.control, this.#options.log)
  }

  // Looked for by the warden when this process may do so no longer; what that cannot tell is taken to be there.
  async #hasProcess(): Promise<boolean> {
    if (this.#warden === null) return hasProcess(this.#namespace)
    const process = await this.#warden.nextProcess().catch(() => null)
    if (process !== null && process >= 0) this.#native.closeDescriptor(process)
    return process !== -1
  }

  async drain(signal?: AbortSignal): Promise<void> {
    // While processes live their connections stay open, and waiting would have no end.
    if (this.#stack.isDrained || this.#namespace === '' || (await this.#hasProcess())) return
    let left = DRAIN_PATIENCE
    let bytes = this.counters.bytesIn
    while (left > 0 && !this.#isClosed && signal?.aborted !== true && !this.#stack.isDrained) {
      await setTimeout(DRAIN_INTERVAL)
      const now = this.counters.bytesIn
      left = now === bytes ? left - DRAIN_INTERVAL : DRAIN_PATIENCE
      bytes = now
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    this.#giveUp.abort(closedError())
    await this.#control?.close()
    await Promise.allSettled(this.#pending)
    await this.#leaving
    await this.#detach()
    for (const publication of this.#publications.all) publication.close()
    this.#stack.close()
    this.#loop.stop()
    await this.#bidFarewell()
    this.#hostAddresses?.close()
    this.#native.closeDescriptor(this.#tableDescriptor)
    this.#native.close()
  }

  // What kernels have accepted from the guest gets a while to arrive, which is over at once where nobody is slow.
  async #bidFarewell(): Promise<void> {
    const { farewells } = this.#stack
    const end = (this.#native.now() + FAREWELL_LIMIT) | 0
    while (farewells.count > 0 && ((end - this.#native.now()) | 0) > 0) {
      await setTimeout(DRAIN_INTERVAL)
      farewells.step(this.#native.now(), FAREWELL_PATIENCE)
    }
    farewells.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #expectOpen(): void {
    if (this.#isClosed) throw closedError()
  }

  async #attend<T>(work: () => Promise<T>): Promise<T> {
    this.#expectOpen()
    const pending = work()
    this.#pending.add(pending)
    try {
      return await pending
    } finally {
      this.#pending.delete(pending)
    }
  }

  #turn(): void {
    if (!this.#loop.isRunning) this.#loop.start(this.#stack)
  }

  #begin(): void {
    this.#expectOpen()
    if (this.#isBusy) throw new NetloomError('ERR_BUSY', 'the network serves a namespace already', 'create another one for the next')
    this.#isBusy = true
    this.#turn()
  }

  async #launch(start: (context: LaunchContext, link: LaunchInterface) => Promise<Launched>): Promise<Launched> {
    this.#begin()
    const { addresses, mtu, ifname } = this
    // What is lost on a bad link is one packet, so frames are packets.
    const superSegments = this.#options.impairment === null
    const own = addresses.ipv6
    const link = {
      ...{ ifname, mtu, address: addresses.guest, prefix: addresses.prefix, gateway: addresses.gateway, superSegments },
      // Its router is known by its address on the link, as it would be from an advertisement.
      ipv6: own === null ? null : { address: own.guest, prefix: own.prefix, gateway: ROUTER },
      mac: this.#options.macAddress,
    }
    const { signal } = this.#giveUp
    const context = { native: this.#native, loop: this.#loop, arena: this.#arena, region: this.#region, log: this.#options.log, signal }
    let launched: Launched
    try {
      launched = await start(context, link)
    } catch (error) {
      this.#isBusy = false
      // Where ports are published it goes on.
      if (this.published.length === 0) this.#loop.stop()
      throw error
    }
    const { features, descriptor, seeds } = launched
    this.#sockets = new NamespaceSockets(this.#native, seeds)
    this.#stack.direct.connect(this.#sockets)
    this.#auto?.start(this.#sockets.diag)
    this.#hint.diag = this.#sockets.diag
    const device = this.#connect(descriptor, features)
    if (superSegments && !device.hasOffload) {
      this.#options.log.warn('this kernel refuses segmentation offload on a TAP: everything works, at a fraction of the speed')
    }
    return launched
  }

  #connect(descriptor: number, features: TapFeatures): TapDevice {
    const { receiver } = this.#stack
    const device = new TapDevice(this.#native, this.#loop, this.#arena, this.#region, descriptor, this.mtu, features, receiver)
    this.#device = device
    this.#stack.connect(device)
    this.#practise()
    return device
  }

  // What V8 has learned serves every network of the process, and this one when it is attached again.
  #practise(): void {
    const warmUp = this.#warmUp
    this.#warmUp = null
    if (warmUp === null) return
    this.#practising = warmUp
    warmUp.start()
    void warmUp.ended.then(() => {
      this.#practising = null
    })
  }

  // Ends what the namespace has of us: first its processes, then its interface.
  async #detach(): Promise<void> {
    const launched = this.#launched
    this.#launched = null
    await launched?.end()
    this.#auto?.stop()
    this.#hint.diag = -1
    this.#practising?.stop()
    this.#stack.direct.connect(null)
    this.#sockets?.close()
    this.#sockets = null
    this.#watch?.close()
    this.#watch = null
    this.#warden?.close()
    this.#warden = null
    this.#stack.disconnect()
    this.#device?.close()
    this.#device = null
    this.#isBusy = false
  }
}
