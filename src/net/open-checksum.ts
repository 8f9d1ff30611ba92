// Checksums that the guest's kernel has left open (virtio-net.ts, NEEDS_CSUM). Read net/inbound.ts first.
//
// There are two kinds, told apart by where the sum is to begin:
//
//     | Ethernet | IP | UDP             | ...                        |   the frame's own transport: never computed, because the payload leaves by
//                     ^ checksumAt                                       a socket, and the host's kernel makes a header and a checksum of its own
//     | Ethernet | IP | UDP | VXLAN | Ethernet | IP | TCP | ...      |   a header inside the payload, of a tunnel in the guest: nobody behind us
//                                                   ^ checksumAt         knows that it is open, so it is completed here, as a network card would
//
// The second kind needs to know nothing about the tunnel. The outer checksum is right when the inner one is complete (the kernel has computed
// it so: local checksum offload), and is verified like any other. A fragment is completed always: no header speaks of the whole.
//
// The virtio-net header is the guest's and may name anything. It has to name a field in the payload of the frame's IP packet, and a frame that
// is to be cut (a super-segment) has to be cut at its own transport: each piece of a tunnel's would need a checksum of its own. No such offload
// was offered (native/src/interface.c), so what asks for it is dropped.
import * as checksum from '../wire/checksum.js'
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/numbers.js'
import { GSO_NONE } from '../wire/virtio-net.js'
import type { Inbound } from './inbound.js'

/** Where each transport that we serve has its checksum, bytes; -1: none that we know. */
const FIELDS = new Int8Array(256).fill(-1)
FIELDS[PROTOCOL_TCP] = 16
FIELDS[PROTOCOL_UDP] = 6
FIELDS[PROTOCOL_ICMP] = 2
FIELDS[PROTOCOL_ICMPV6] = 2

/** True when the checksum of a packet in one piece needs no more work: it is complete, or open and the transport's own. */
export const isSettled = (inbound: Inbound): boolean =>
  inbound.checksumAt === 0 ||
  (inbound.checksumAt === inbound.payloadAt && inbound.checksumField - inbound.checksumAt === FIELDS[inbound.protocol])

/**
 * Completes an open checksum that is not the transport's own, or any of a fragment, in the frame where it lies. `from`: what lies before it has
 * been read and stays as it is. False when the header names what cannot be: the frame is to be dropped.
 */
export function complete(view: DataView, inbound: Inbound, from: number): boolean {
  const at = inbound.checksumAt
  if (at === 0) return true
  if (at < from || inbound.checksumField + 2 > inbound.frameEnd || inbound.gsoType !== GSO_NONE) return false
  checksum.complete(view, at, inbound.checksumField, inbound.frameEnd)
  inbound.checksumAt = 0
  inbound.isTrusted = inbound.isVerified
  return true
}
