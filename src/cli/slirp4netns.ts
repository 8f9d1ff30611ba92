// The second half of `netloom-slirp4netns`: what native/src/slirp/main.c becomes when it has the interface, the API socket and the banner. Its
// arguments are that program's alone, NAME=VALUE or NAME (node.c), and mistakes in them are ours.

import { closeSync, writeSync } from 'node:fs'
import { fitOptions, probeHost } from '../app/host-facts.js'
import { startNetwork } from '../app/network.js'
import type { Network } from '../app/types.js'
import { refuseDebugger } from '../host/debugger.js'
import { DescriptorWatch } from '../host/descriptor-watch.js'
import { EPOLLIN } from '../host/event-loop.js'
import type { LaunchTarget } from '../host/launcher-errors.js'
import { haveUsualEffect } from '../host/signals.js'
import type { TapFeatures } from '../host/tap-device.js'
import * as address from '../wire/address.js'
import { MINIMUM_MTU } from '../wire/ipv6.js'
import { createLog, fail } from './output.js'
import { tierUpSooner } from './tier-up.js'

const STANDARD_ERROR = 2

/** What main.c has found out and opened. */
class Handover {
  readonly #values: ReadonlyMap<string, string>

  constructor(args: readonly string[]) {
    this.#values = new Map(args.map((argument) => split(argument)))
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  text(name: string): string {
    return this.#values.get(name) ?? ''
  }

  /** A number, or a descriptor: -1 for none. */
  number(name: string): number {
    return Number(this.#values.get(name) ?? -1)
  }
}

function split(argument: string): [string, string] {
  const at = argument.indexOf('=')
  return at < 0 ? [argument, ''] : [argument.slice(0, at), argument.slice(at + 1)]
}

function createNetwork(given: Handover): Promise<Network> {
  const host = probeHost()
  const mtu = given.number('mtu')
  const options = fitOptions(
    {
      mtu,
      cidr: given.text('cidr'),
      // RFC 8200, 5: the guest's kernel has no IPv6 on a link that takes less.
      ipv6: given.has('ipv6') && mtu >= MINIMUM_MTU,
      hostLoopback: given.has('host-loopback'),
      dns: given.has('dns'),
      control: false,
      log: createLog('normal'),
    },
    host,
  )
  // An address that this host does not have, or not yet, is no mistake to slirp4netns: what is sent from it fails.
  const [outbound4, outbound6] = [address.parseAny(given.text('outbound4')), address.parseAny(given.text('outbound6'))]
  // Without DNS its address is one of a host elsewhere that nobody has.
  const name = (key: string) => (given.has(key) ? given.text(key) : null)
  const outboundInterfaces = { outboundInterface4: name('outbound-interface4'), outboundInterface6: name('outbound-interface6') }
  return startNetwork({ ...options, outbound4, outbound6, ...outboundInterfaces, isDnsSilent: true }, host)
}

function targetOf(given: Handover): LaunchTarget | undefined {
  if (given.has('pid')) return { pid: given.number('pid') }
  return given.has('netns') ? { netns: given.text('netns') } : undefined
}

function featuresOf(given: Handover): TapFeatures {
  const [vnetHeader, checksum, tso, uso] = [...given.text('features')].map((digit) => digit === '1')
  return { vnetHeader: vnetHeader === true, checksum: checksum === true, tso: tso === true, uso: uso === true }
}

/** When it is tried again to serve the API socket, ms. */
const API_RETRY = 1_000

/** Listens when the first client comes: that takes a few milliseconds, and most networks have none. */
function serveApi(network: Network, descriptor: number): void {
  const watch = new DescriptorWatch(descriptor, EPOLLIN, () => {
    watch.close()
    loadApi(network, descriptor)
  })
}

/** Where it cannot be loaded, for want of descriptors, clients wait. */
function loadApi(network: Network, descriptor: number): void {
  const again = (): void => void setTimeout(() => loadApi(network, descriptor), API_RETRY).unref()
  import('../app/slirp-api.js').then(({ SlirpApi }) => void new SlirpApi(network, { fd: descriptor })).catch(again)
}

/** One byte, then the end. Whoever has waited may be gone. */
function tellReady(descriptor: number): void {
  if (descriptor < 0) return
  try {
    writeSync(descriptor, '1')
    closeSync(descriptor)
  } catch {
    // EBADF, EPIPE: of no use to anybody.
  }
}

/** Settles when the other end of the pipe is closed; never without one. */
function hangup(descriptor: number): Promise<string> {
  return new Promise((resolve) => {
    if (descriptor < 0) return
    const watch = new DescriptorWatch(descriptor, 0, () => {
      watch.close()
      resolve('exitfd event')
    })
  })
}

async function main(args: readonly string[]): Promise<number> {
  haveUsualEffect('SIGUSR1')
  const given = new Handover(args)
  process.title = given.text('name')
  const network = await createNetwork(given)
  const target = targetOf(given)
  const { ended } = network.attachDevice({
    ...{ descriptor: given.number('tap'), features: featuresOf(given) },
    ...(target === undefined ? {} : { target }),
    ...(given.has('warden') ? { warden: given.number('warden') } : {}),
  })
  if (given.has('api')) serveApi(network, given.number('api'))
  const hungUp = hangup(given.number('exit'))
  await network.harden({ sandbox: given.has('sandbox'), seccomp: given.has('seccomp') })
  refuseDebugger()
  tellReady(given.number('ready'))
  tierUpSooner()
  const reason = await Promise.race([hungUp, ended])
  await network.close()
  writeSync(STANDARD_ERROR, `${reason}\ndo_slirp is exiting\n`)
  return 0
}

void main(process.argv.slice(2))
  .catch(fail)
  .then((status) => process.exit(status))
