// As whom the guest sees the client of a published port: by its own address, or by the gateway's where that is none that a guest can answer:
// loopback, the other version of IP, or one of the guest's own network.
import type { AddressPlan } from '../net/address-plan.js'
import { isMapped } from '../net/flow-row.js'
import { isReachable } from './gate.js'

/** Words of both ends: the guest's, and the one that it sees. */
export const GUEST = 0 // four words
export const REMOTE = 4 // four words

/** Source ports that are tried when the client's is taken: the first of those that no kernel picks by itself, and how many. */
export const FIRST_PORT = 1024
export const PORT_TRIES = 64

/** Names the client in the remote end of `words`: it is the one whose four words begin at `at` of `client`. */
export function nameClient(addresses: AddressPlan, words: Int32Array, client: Int32Array, at: number): void {
  const isIpv4 = isMapped(words, GUEST)
  for (let i = 0; i < 4; i++) words[REMOTE + i] = client[at + i]!
  const isAnswerable = isMapped(words, REMOTE) === isIpv4 && isReachable(words, REMOTE) && !addresses.isOnLink(words, REMOTE)
  if (!isAnswerable) addresses.writeGateway(words, REMOTE, !isIpv4)
}
