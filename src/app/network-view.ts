// A network as those see it who ask: its addresses as text, and its counters.
import type { TapDevice } from '../host/tap-device.js'
import type { ImpairedWay } from '../link/impaired-way.js'
import type { InterfaceAddresses, Ipv6Addresses } from '../net/address-plan.js'
import { guard } from '../util/guard.js'
import { format, format6 } from '../wire/address.js'
import type { Stack } from './stack.js'
import type { Counters, FlowInfo, ImpairedFrames, NetworkAddresses } from './types.js'

export const addressTexts = (a: InterfaceAddresses): NetworkAddresses => ({
  ipv6: a.ipv6 === undefined ? null : ipv6Texts(a.ipv6),
  network: format(a.network),
  prefix: a.prefix,
  gateway: format(a.gateway),
  dns: format(a.dns),
  guest: format(a.guest),
})

const ipv6Texts = ({ network, prefix, gateway, dns, guest }: Ipv6Addresses): Omit<NetworkAddresses, 'ipv6'> => ({
  network: format6(...network),
  prefix,
  gateway: format6(...gateway),
  dns: format6(...dns),
  guest: format6(...guest),
})

/** Counters of a stack, of its device (null: none yet), and of the flows that are open. */
export function countersOf({ table, gate, tcp, input, impaired }: Stack, device: TapDevice | null, flows: readonly FlowInfo[]): Counters {
  let bytesIn = table.endedBytesIn
  let bytesOut = table.endedBytesOut
  for (const flow of flows) {
    bytesIn += flow.bytesIn
    bytesOut += flow.bytesOut
  }
  return {
    framesIn: device?.framesIn ?? 0,
    framesOut: device?.framesOut ?? 0,
    framesLost: device?.framesLost ?? 0,
    flowsOpen: table.inUse,
    flowsTotal: table.total,
    flowsRefused: gate.refused,
    flowsLimited: gate.limited,
    flowsEvicted: table.evictions,
    bytesIn,
    bytesOut,
    defects: guard.count,
    retransmissions: tcp.retransmissions,
    impaired: impaired === null ? null : { up: impairedFrames(impaired.fromGuest), down: impairedFrames(impaired.toGuest) },
    drops: Object.fromEntries(Object.entries(input.drops).filter(([, count]) => count > 0)),
  }
}

const impairedFrames = ({ lost, overflowed, duplicated, corrupted, heldBack }: ImpairedWay): ImpairedFrames => ({
  lost,
  overflowed,
  duplicated,
  corrupted,
  reordered: heldBack,
})
