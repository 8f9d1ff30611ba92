/*
 * Frames as Linux sent them (veth without offloads; a TAP with IFF_VNET_HDR for those with a virtio_net_hdr), and the buffers of a wire
 * test: what is read lies behind junk and ends with its view, so that a read past the end throws; what is written goes into 0xa5.
 */

import assert from 'node:assert/strict'

/** 10.0.2.100 is 4a:ad:be:ef:10:64, 10.0.2.2 is 52:55:0a:00:02:02. */
const TO_GATEWAY = '52550a0002024aadbeef10640800'
const TO_GUEST = '4aadbeef106452550a0002020800'

export const ARP_REQUEST = 'ffffffffffff4aadbeef106408060001080006040001 4aadbeef10640a000264 0000000000000a000202'
export const ARP_REPLY = '4aadbeef106452550a00020208060001080006040002 52550a0002020a000202 4aadbeef10640a000264'

export const ICMP_ECHO = `${TO_GATEWAY} 450000347e6140004001a4020a0002640a000202 080087a819d10001
  aff4006b0000000050d5090000000000 1011121314151617`
export const ICMP_REPLY = `${TO_GUEST} 45000034bfba00004001a2a90a0002020a000264 00008fa819d10001
  aff4006b0000000050d5090000000000 1011121314151617`

/** 10.0.2.100:34913 > 10.0.2.2:9999 "netloom", and what came back. */
export const UDP = `${TO_GATEWAY} 450000230ba34000401116c20a0002640a000202 8861270f000f78b8 6e65746c6f6f6d`
export const ICMP_PORT_UNREACHABLE = `${TO_GUEST} 45c0003fbfbf00004001a1d90a0002020a000264 0303158300000000
  450000230ba34000401116c20a0002640a000202 8861270f000f78b8 6e65746c6f6f6d`

/** A connection of 10.0.2.100:58138 to 10.0.2.2:80. */
export const TCP_SYN = `${TO_GATEWAY} 4500003ceedd400040063379 0a0002640a000202 e31a0050f4ad449d00000000a002faf0fa5a0000
  020405b4 0402080afcc520d000000000 0103030a`
export const TCP_SYN_ACK = `${TO_GUEST} 4500003c0000400040062257 0a0002020a000264 0050e31a2a618d08f4ad449ea012fe8833600000
  020405b4 0402080a7f678c80fcc520d0 0103030a`
export const TCP_PSH = `${TO_GATEWAY} 45000046eedf40004006336d 0a0002640a000202 e31a0050f4ad449e2a618d098018003f81bf0000
  0101080afcc520d07f678c80 474554202f20485454502f312e300d0a0d0a`
export const TCP_FIN = `${TO_GATEWAY} 45000034eee140004006337d 0a0002640a000202 e31a0050f4ad44b02a618d248011003f604b0000
  0101080afcc520d07f678c80`

export const IPV6_NEIGHBOR_SOLICITATION = `3333ff00020252550a00020286dd 600000000020 3aff 00000000000000000000000000000000
  ff0200000000000000000001ff000202 8700f4d700000000 fe8000000000000050550afffe000202 0e01c0528428d771`

/** The same datagram as UDP above from port 40000, its checksum left to us. */
export const VNET_UDP_PARTIAL = `01000000000022000600 ${TO_GATEWAY} 45000023224640004011001f0a0002640a000202 9c40270f000f1886 6e65746c6f6f6d`
/** "super-segment of one" in datagrams of 8 bytes. */
export const VNET_UDP_SUPER = `01052a00080022000600 ${TO_GATEWAY} 4500003022474000401100110a0002640a000202 9c40270f001c1893
  73757065722d7365676d656e74206f66206f6e65`

/** Bytes in front of what is read. Odd: nothing may count on alignment. */
export const JUNK = 13

export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replace(/\s+/g, ''), 'hex'))
}

/** A view that ends with the bytes, which begin at JUNK. */
export function viewOf(content: Uint8Array): DataView {
  const memory = new Uint8Array(JUNK + content.length).fill(0xee)
  memory.set(content, JUNK)
  return new DataView(memory.buffer)
}

export function frame(hex: string): DataView {
  return viewOf(bytes(hex))
}

/** Runs a writer in a buffer full of 0xa5 and returns the `length` bytes at JUNK; nothing around them may have changed. */
export function written(length: number, write: (view: DataView, at: number) => void): Uint8Array {
  const memory = new Uint8Array(JUNK + length + 16).fill(0xa5)
  write(new DataView(memory.buffer), JUNK)
  for (let i = 0; i < memory.length; i++) {
    if (i < JUNK || i >= JUNK + length) assert.equal(memory[i], 0xa5, `byte ${i - JUNK} is not the writer's`)
  }
  return memory.slice(JUNK, JUNK + length)
}

export function assertBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(Buffer.from(actual).toString('hex'), Buffer.from(expected).toString('hex'))
}

/** `isValid` takes the whole content, refuses every shorter one, and reads none of what is not there. */
export function assertRefusesTruncation(content: Uint8Array, isValid: (view: DataView, at: number, available: number) => boolean): void {
  for (let length = 0; length < content.length; length++) {
    const cut = viewOf(content.subarray(0, length))
    assert.equal(isValid(cut, JUNK, length), false, `${length} bytes`)
  }
  assert.equal(isValid(viewOf(content), JUNK, content.length), true)
  assert.equal(isValid(viewOf(content), JUNK, -1), false)
}
