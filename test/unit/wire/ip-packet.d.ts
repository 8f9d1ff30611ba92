/** The package has no types of its own. */
declare module 'ip-packet' {
  export interface State {
    start: number
    end: number
    buffer: Buffer
  }

  export interface Packet {
    version: number
    ihl?: number
    dscp?: number
    ecn?: number
    identification?: number
    flags?: number
    fragmentOffset?: number
    ttl?: number
    protocol?: number
    checksum?: number
    sourceIp: string
    destinationIp: string
    data: Buffer
  }

  export function encode(state: State, packet: Packet): void
  export function decode(state: State): Required<Packet> & { length: number }
  /** Of a header without options; also stores it. */
  export function checksum(packet: Buffer): number
}
