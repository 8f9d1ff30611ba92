// What the control socket takes and gives, as zod schemas: requests are checked against them, and the OpenAPI document is made of them.
import { z } from 'zod'
import { MAX_RULES } from '../flow/rule-counts.js'
import { DRIVERS } from './publish-spec.js'

const port = (least: number) => z.int().min(least).max(65_535)
const amount = z.int().min(0)
const address = z.string().describe('an IPv4 or IPv6 address')

export const driver = z
  .enum(DRIVERS)
  .describe(
    'tap: over the interface, in the client’s name; direct: kernel to kernel, from within the sandbox; auto: direct for the loopback',
  )

/** One port to publish. */
const publishRequest = z.strictObject({
  hostAddress: address.describe('address of the host to listen on; every one of both families when left out').optional(),
  hostInterface: z
    .string()
    .describe('interface of the host to listen on, in place of an address: at every one that it has at the time')
    .optional(),
  hostFamily: z
    .union([z.literal(4), z.literal(6)])
    .describe('family of its addresses; both when left out')
    .optional(),
  hostPort: port(0).describe('port of the host; 0, or left out: one that is free').optional(),
  guestPort: port(1).describe('port of the sandbox'),
  guestAddress: address.describe("address behind the sandbox's interface; its IPv4 address when left out").optional(),
  guestFamily: z
    .union([z.literal(4), z.literal(6)])
    .describe('family of that address when it is left out')
    .optional(),
  protocol: z.enum(['tcp', 'udp']).optional(),
  driver: driver.optional(),
})

/** POST /v1/publications: all of them, or none. */
export const publishBody = z.strictObject({ ports: z.array(publishRequest).min(1).max(MAX_RULES) })

/** What stands for publications in a path: 3 or 3,4,5. */
export const idList = z.string().regex(/^\d{1,15}(?:,\d{1,15})*$/, 'is not a number, or several parted by commas')
/** ?close= */
export const closeFlag = z.enum(['true', 'false']).default('false')

const publicationCounters = z.object({
  connections: amount,
  refused: amount.describe('of the connections: those that the sandbox did not take'),
  current: amount.describe('connections that are open'),
  packetsIn: amount.describe('from the sandbox'),
  packetsOut: amount.describe('to the sandbox'),
  bytesIn: amount.describe('from the sandbox'),
  bytesOut: amount.describe('to the sandbox'),
})

export const publication = z.object({
  id: amount,
  protocol: z.enum(['tcp', 'udp']),
  hostInterface: z.string().nullable().describe('the interface whose addresses are listened on, as they come and go'),
  hostAddresses: z.array(address).describe('the addresses that are listened on now'),
  hostAddress: z.string().describe('the first of them; empty when an interface has none'),
  hostPort: port(1),
  guestAddress: address,
  guestPort: port(1),
  driver,
  isAutomatic: z.boolean().describe('published because a program in the sandbox listens, and as long as it does'),
  counters: publicationCounters,
})
export const publications = z.object({ publications: z.array(publication) })

const endpoint = z.object({ address, port: port(0) })

export const flows = z.object({
  flows: z.array(
    z.object({
      protocol: z.enum(['tcp', 'udp', 'ping']),
      state: z.string(),
      guest: endpoint,
      remote: endpoint.nullable(),
      host: endpoint.nullable(),
      bytesIn: amount,
      bytesOut: amount,
      packetsIn: amount,
      packetsOut: amount,
      age: z.int().describe('milliseconds'),
      idle: z.int().describe('milliseconds since there was traffic'),
    }),
  ),
})

export const network = z.object({
  name: z.string(),
  pid: amount.describe('of the process that serves it'),
  ifname: z.string(),
  mtu: amount,
  addresses: z.looseObject({ network: address, prefix: amount, gateway: address, dns: address, guest: address }),
  features: z.looseObject({ vnetHeader: z.boolean(), checksum: z.boolean(), tso: z.boolean(), uso: z.boolean() }),
  counters: z.looseObject({}).describe('counts since the network was made'),
})

export const failure = z.object({
  code: z.string().describe('stable, upper case'),
  message: z.string().describe('one line: what was wrong, and what helps'),
  hint: z.string().describe('the remedy alone; empty when there is none'),
})

export type NetworkDescription = z.infer<typeof network>
export type PublicationDescription = z.infer<typeof publication>
