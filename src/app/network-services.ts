// What answers in the guest's network besides the flows it has with others: DNS, DHCP of both versions, and the router of IPv6.
import { hostname } from 'node:os'
import type { EventLoop } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import { randomInt } from '../host/random.js'
import { Resolver } from '../host/resolver.js'
import type { AddressFilter } from '../net/address-set.js'
import { DhcpServer } from '../service/dhcp-server.js'
import { Dhcpv6Server } from '../service/dhcpv6-server.js'
import { DnsForwarder } from '../service/dns-forwarder.js'
import { DnsNames, type OwnAddresses } from '../service/dns-names.js'
import { mapped, type Words } from '../wire/address.js'
import type { ResolvedOptions } from './options.js'
import type { Stack } from './stack.js'

/** Starts the services that the options ask for; `closed`: what names must not stand for (null: nothing); `ownsGuest` tells whether the guest is a command of ours. The resolver is null without DNS. */
export function startServices(
  native: NativeContext,
  loop: EventLoop,
  stack: Stack,
  options: ResolvedOptions,
  closed: AddressFilter | null,
  ownsGuest: () => boolean,
): Resolver | null {
  const resolver = options.dns ? new Resolver(() => native.now()) : null
  if (resolver !== null) {
    const random = (below: number) => randomInt(native, below)
    const names = new DnsNames(ownAddresses(options), options.dnsNames)
    stack.serveDns(new DnsForwarder(native, loop, stack.udp, resolver, { names, random, closed }))
  }
  if (options.dhcp) serveDhcp(stack, options, () => resolver?.search ?? [], ownsGuest)
  if (options.addresses.ipv6 !== undefined) stack.serveRouter(resolver, options.dhcp)
  return resolver
}

function serveDhcp(stack: Stack, options: ResolvedOptions, search: () => readonly string[], ownsGuest: () => boolean): void {
  const { addresses, mtu, dns, log } = options
  const { udp } = stack
  // What `run` starts is called as the host is (uts_namespaces(7)); of a namespace of somebody else's we cannot tell.
  const hostName = () => (ownsGuest() ? hostname() : '')
  stack.serveDhcp(new DhcpServer(udp, addresses, { mtu, dns, search, hostName, log }))
  if (addresses.ipv6 === undefined) return
  stack.serveDhcpv6(new Dhcpv6Server(udp, { dns: Int32Array.from(dns ? addresses.ipv6.dns : []), search }))
}

/** What has a name in DNS. */
function ownAddresses({ addresses, hostLoopback }: ResolvedOptions): OwnAddresses {
  const of = (role: 'gateway' | 'dns' | 'guest'): Words[] => [mapped(addresses[role]), ...(addresses.ipv6 ? [addresses.ipv6[role]] : [])]
  return { gateway: of('gateway'), dns: of('dns'), guest: of('guest'), isHost: hostLoopback }
}
