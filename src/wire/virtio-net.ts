/*
 * struct virtio_net_hdr, the 10 bytes before every frame of a TAP opened with IFF_VNET_HDR (Virtual I/O Device 1.2, 5.1.6;
 * linux/virtio_net.h). The TAP takes it in the host's byte order, which is little-endian on every machine we build for.
 *
 *      0       1       2               4               6               8              10
 *     +-------+-------+---------------+---------------+---------------+---------------+
 *     | flags |gsoType| headerLength  |    gsoSize    | checksumStart |checksumOffset |
 *     +-------+-------+---------------+---------------+---------------+---------------+
 *
 * NEEDS_CSUM: the field at checksumStart + checksumOffset (from the start of the Ethernet header) holds the sum of the
 * pseudo-header; whoever needs the full checksum sums from checksumStart to the end. DATA_VALID: already verified.
 * A gsoType other than NONE: the frame stands for as many packets as gsoSize bytes of payload each make.
 */

const FLAGS = 0
const GSO_TYPE = 1
const HDR_LENGTH = 2
const GSO_SIZE = 4
const CHECKSUM_START = 6
const CHECKSUM_OFFSET = 8

/** Bytes. */
export const HEADER_LENGTH = 10

export const FLAG_NEEDS_CSUM = 1
export const FLAG_DATA_VALID = 2

export const GSO_NONE = 0
export const GSO_TCPV4 = 1
export const GSO_TCPV6 = 4
export const GSO_UDP_L4 = 5

export function isValid(_view: DataView, _at: number, available: number): boolean {
  return available >= HEADER_LENGTH
}

export function flags(view: DataView, at: number): number {
  return view.getUint8(at + FLAGS)
}

export function gsoType(view: DataView, at: number): number {
  return view.getUint8(at + GSO_TYPE)
}

/** Bytes of Ethernet, IP and transport headers; a hint only, and not to be trusted. */
export function headerLength(view: DataView, at: number): number {
  return view.getUint16(at + HDR_LENGTH, true)
}

/** Bytes of payload in each packet but the last. */
export function gsoSize(view: DataView, at: number): number {
  return view.getUint16(at + GSO_SIZE, true)
}

export function checksumStart(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM_START, true)
}

export function checksumOffset(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM_OFFSET, true)
}

export function write(
  view: DataView,
  at: number,
  flags: number,
  gsoType: number,
  headerLength: number,
  gsoSize: number,
  checksumStart: number,
  checksumOffset: number,
): void {
  // Merged, and little-endian: the first field is the lowest byte.
  view.setInt32(at + FLAGS, flags | (gsoType << 8) | (headerLength << 16), true)
  view.setInt32(at + GSO_SIZE, gsoSize | (checksumStart << 16), true)
  view.setUint16(at + CHECKSUM_OFFSET, checksumOffset, true)
}

/** One ordinary packet with its checksums complete. */
export function clear(view: DataView, at: number): void {
  view.setInt32(at + FLAGS, 0)
  view.setInt32(at + GSO_SIZE, 0)
  view.setInt16(at + CHECKSUM_OFFSET, 0)
}
