// ICMP errors about segments of ours (RFC 9293, 3.9.2.2; RFC 1122, 4.2.3.9), from a router in the guest. A stranger could have made one up, so it
// has to name a segment that is in flight, and what it can do is little (RFC 5927).
import * as icmp from '../wire/icmpv4.js'
import * as ipv6 from '../wire/ipv6.js'
import { HEADER_LENGTH } from '../wire/tcp.js'
import { TIMESTAMP_LENGTH } from '../wire/tcp-options.js'
import { resetHost } from './close.js'
import { HAS_TIMESTAMPS, IS_RECOVERING } from './columns.js'
import type { Connection } from './connection.js'
import * as output from './output.js'
import * as timer from './retransmission-timer.js'
import * as retransmit from './retransmit.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** Least MTU of a path that is believed, bytes: every host takes as much (RFC 791; RFC 9293, 3.7.1: MUST-15). IPv6 has 1280 (RFC 8201, 4). */
const LEAST_MTU = 576

/** Destination unreachable, of a segment with this sequence number. `mtu`: of the next hop, for FRAGMENTATION_NEEDED. */
export function unreachable(tcp: Tcp, c: Connection, code: number, sequence: number, mtu: number): void {
  if (seq.lt(sequence, c.sndUna) || !seq.lt(sequence, c.sndMax)) return
  if (code === icmp.FRAGMENTATION_NEEDED) shorten(tcp, c, mtu)
  // SHLD-26: hard errors end an open; a connection that once worked they do not (RFC 5927, 5.2).
  else if (c.state === 'SYN-SENT' && isHard(code)) resetHost(tcp, c)
}

const isHard = (code: number): boolean => code === icmp.PROTOCOL_UNREACHABLE || code === icmp.PORT_UNREACHABLE

// RFC 1191, 6.3 and 6.4; RFC 8201, 4: shorter segments from now on, and at once those that did not get through. That is no congestion.
function shorten(tcp: Tcp, c: Connection, mtu: number): void {
  const options = c.has(HAS_TIMESTAMPS) ? TIMESTAMP_LENGTH : 0
  const header = output.ipHeaderLength(c)
  const least = header === ipv6.HEADER_LENGTH ? ipv6.MINIMUM_MTU : LEAST_MTU
  const mss = Math.max(mtu, least) - header - HEADER_LENGTH - options
  if (mss >= c.sndMss) return
  c.sndMss = mss
  if (c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED') return
  c.lower(IS_RECOVERING)
  retransmit.goBack(tcp, c)
  timer.armTimeout(tcp, c)
  tcp.touch(c)
}
