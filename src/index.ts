/**
 * netloom: a real network for any unprivileged Linux process. {@link createNetwork} makes one; see README.md for a tour.
 * @packageDocumentation
 */

export type { DnsNamesOption } from './app/dns-names.js'
export type { ImpairmentOptions } from './app/impairment.js'
export { createNetwork } from './app/network.js'
export type { NetworkOptions } from './app/options.js'
export type { Publication, PublicationCounters } from './app/publications.js'
export type { PortRange, PublishDriver, PublishOptions, PublishProtocol } from './app/publish-spec.js'
export type {
  Attachment,
  AttachTarget,
  Counters,
  Ending,
  Endpoint,
  FlowInfo,
  HardenOptions,
  ImpairedFrames,
  Network,
  NetworkAddresses,
  OpenDevice,
  RunOptions,
  Sandbox,
  StandardStreams,
} from './app/types.js'
export type { TapFeatures } from './host/tap-device.js'
export type { Impairment } from './link/impairment.js'
export { NetloomError } from './util/errors.js'
export { Log } from './util/log.js'
