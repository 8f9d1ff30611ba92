/** Why frames were dropped, counted; of either version of IP where a name has none. */
export class DropCounters {
  ethernetInvalid = 0
  /** Frames for other stations than ours. */
  station = 0
  etherType = 0
  /** Frames whose virtio-net header has a checksum completed, or the frame cut, where that cannot be. */
  offload = 0
  ipv4Invalid = 0
  ipv4Checksum = 0
  ipv6Invalid = 0
  /** Extension headers that cannot be, or that say to. */
  ipv6Extension = 0
  source = 0
  destination = 0
  /** TTL, or hop limit. */
  hopLimit = 0
  /** Fragments that fit nothing: of impossible length, overlapping others, or of a datagram that had to make room. */
  fragment = 0
  /** Datagrams of which not all fragments came in time. */
  reassembly = 0
  protocol = 0
  transportInvalid = 0
  transportChecksum = 0
  /** Messages of neighbor discovery that RFC 4861 has silently discarded. */
  neighborDiscovery = 0
  tableFull = 0
  /** Datagrams of the host's side from where the guest has not sent to. */
  filtered = 0
  /** The host had no descriptor, port or memory for it. */
  hostExhausted = 0
  notReady = 0
  /** Errors that were not sent, for there were too many. */
  errorLimit = 0
}
