/*
 * Lists of domain names as DHCP (RFC 3397), DHCPv6 (RFC 8415, 10) and router advertisements (RFC 8106, 5.2) carry them: the labels of
 * RFC 1035, 3.1, each with its length before it, each name ended by an empty label, one behind the other. Only the first of the three
 * may compress them, so nothing is compressed.
 *
 *     03 l a n 07 e x a m p l e 00 | 07 n e t l o o m 08 i n t e r n a l 00
 *
 * Off the packet path: a network writes its names once, and copies bytes from then on.
 */

/** Bytes, RFC 1035, 2.3.4. */
const MAX_LABEL = 63
const MAX_NAME = 255

/** No empty label but the root; what is in one is left to those who look it up. */
const PRINTABLE = /^[\x21-\x7e]+$/

/** One name, with or without the dot at its end, in wire format; null when it cannot be written so. */
export function encodeName(name: string): Uint8Array | null {
  // Off the packet path: once a network.
  const relative = name.endsWith('.') ? name.slice(0, -1) : name
  if (!PRINTABLE.test(relative)) return null
  const bytes: number[] = []
  for (const label of relative.split('.')) {
    if (label.length === 0 || label.length > MAX_LABEL) return null
    bytes.push(label.length)
    for (let i = 0; i < label.length; i++) bytes.push(label.charCodeAt(i))
  }
  bytes.push(0)
  return bytes.length > MAX_NAME ? null : Uint8Array.from(bytes)
}

/** As many of the names, in their order, as can be written and fit in `limit` bytes. */
export function encode(names: readonly string[], limit: number): Uint8Array {
  // Off the packet path: once a network.
  const list: number[] = []
  for (const name of names) {
    const bytes = encodeName(name)
    if (bytes !== null && list.length + bytes.length <= limit) list.push(...bytes)
  }
  return Uint8Array.from(list)
}
