// What is known of the frame that is being received: filled layer by layer, read by the layers above, valid until
// the next frame. One instance serves a network, so that nothing is allocated per packet.

export class Inbound {
  /** Arena offsets of the Ethernet header, the IP header and what follows it. */
  ethernetAt = 0
  ipAt = 0
  payloadAt = 0
  /** Bytes after the IP header. */
  payloadLength = 0
  /** Sender's MAC address. */
  macHigh = 0
  macLow = 0
  /** IPv4 addresses. */
  source = 0
  destination = 0
  protocol = 0
  /** Source port << 16 | destination port; of an echo request its identifier << 16. */
  ports = 0
  timeToLive = 0
  typeOfService = 0
  /** 1 when no router may cut it. */
  dontFragment: 0 | 1 = 0
  /** The checksum was never computed, or was verified already: the frame did not cross a wire (NEEDS_CSUM, DATA_VALID). */
  isTrusted = false
  /** Of the virtio-net header: how a super-segment is to be cut. */
  gsoType = 0
  gsoSize = 0
  /** ms, when the batch was read. */
  now = 0
}
