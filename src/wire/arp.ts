/*
 * ARP for IPv4 over Ethernet, RFC 826.
 *
 *      0               2               4       5       6               8
 *     +---------------+---------------+-------+-------+---------------+
 *     | hardware = 1  | proto = 0800  | 6     | 4     |   operation   |
 *     +---------------+---------------+-------+-------+---------------+
 *     |  sender MAC (6)                               |  sender IP    :   8, 14
 *     +---------------+-------------------------------+---------------+
 *     :               |  target MAC (6)                               |   18
 *     +---------------+---------------+-------------------------------+
 *     |  target IP                    |                                   24
 *     +-------------------------------+
 */

const HARDWARE_AND_PROTOCOL = 0
const SIZES = 4
const OPERATION = 6
const SENDER_MAC = 8
const SENDER_ADDRESS = 14
const TARGET_MAC = 18
const TARGET_ADDRESS = 24

const ETHERNET_AND_IPV4 = (1 << 16) | 0x0800
const SIX_AND_FOUR = 0x0604

/** Bytes. */
export const LENGTH = 28

export const OPERATION_REQUEST = 1
export const OPERATION_REPLY = 2

/** Long enough, and about IPv4 over Ethernet; the operation may be any. */
export function isValid(view: DataView, at: number, available: number): boolean {
  return (
    available >= LENGTH && view.getInt32(at + HARDWARE_AND_PROTOCOL) === ETHERNET_AND_IPV4 && view.getUint16(at + SIZES) === SIX_AND_FOUR
  )
}

export function operation(view: DataView, at: number): number {
  return view.getUint16(at + OPERATION)
}

export function senderHigh(view: DataView, at: number): number {
  return view.getUint16(at + SENDER_MAC)
}

export function senderLow(view: DataView, at: number): number {
  return view.getInt32(at + SENDER_MAC + 2)
}

export function senderAddress(view: DataView, at: number): number {
  return view.getInt32(at + SENDER_ADDRESS)
}

export function targetHigh(view: DataView, at: number): number {
  return view.getUint16(at + TARGET_MAC)
}

export function targetLow(view: DataView, at: number): number {
  return view.getInt32(at + TARGET_MAC + 2)
}

export function targetAddress(view: DataView, at: number): number {
  return view.getInt32(at + TARGET_ADDRESS)
}

export function write(
  view: DataView,
  at: number,
  operation: number,
  senderHigh: number,
  senderLow: number,
  senderAddress: number,
  targetHigh: number,
  targetLow: number,
  targetAddress: number,
): void {
  view.setInt32(at + HARDWARE_AND_PROTOCOL, ETHERNET_AND_IPV4)
  view.setInt32(at + SIZES, (SIX_AND_FOUR << 16) | operation)
  // Merged: bytes 8..19 are the sender's MAC, its address and the top of the target's MAC.
  view.setInt32(at + 8, (senderHigh << 16) | (senderLow >>> 16))
  view.setInt32(at + 12, (senderLow << 16) | (senderAddress >>> 16))
  view.setInt32(at + 16, (senderAddress << 16) | targetHigh)
  view.setInt32(at + TARGET_MAC + 2, targetLow)
  view.setInt32(at + TARGET_ADDRESS, targetAddress)
}
