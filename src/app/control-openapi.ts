// The OpenAPI 3.1 document of the control socket, made of the schemas that requests are checked against.
import { z } from 'zod'
import * as schema from './control-schema.js'

const COMPONENTS = {
  Network: schema.network,
  Flows: schema.flows,
  Publications: schema.publications,
  PublishBody: schema.publishBody,
  Error: schema.failure,
} as const

type Component = keyof typeof COMPONENTS

function jsonSchema(type: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(type)
  return rest
}

const content = (component: Component): object => ({ 'application/json': { schema: { $ref: `#/components/schemas/${component}` } } })
const answers = (component: Component, description: string, status = 200): object => ({
  [status]: { description, content: content(component) },
  default: { description: 'what was wrong', content: content('Error') },
})

const PATHS = {
  '/v1/network': { get: { summary: 'The network: addresses, features, counters', responses: answers('Network', 'the network') } },
  '/v1/flows': { get: { summary: 'The flows that are open', responses: answers('Flows', 'a snapshot') } },
  '/v1/publications': {
    get: { summary: 'Published ports, with their counters', responses: answers('Publications', 'a snapshot') },
    post: {
      summary: 'Publishes ports, all or none',
      requestBody: { required: true, content: content('PublishBody') },
      responses: answers('Publications', 'what was published', 201),
    },
  },
  '/v1/publications/{ids}': {
    delete: {
      summary: 'Takes publications back, all or none; their connections go on, or are reset',
      parameters: [
        { name: 'ids', in: 'path', required: true, schema: jsonSchema(schema.idList) },
        { name: 'close', in: 'query', description: 'whether their connections are reset', schema: { type: 'boolean', default: false } },
      ],
      responses: answers('Publications', 'what was taken back, with its last counters'),
    },
  },
} as const

/** The document. */
export function openApi(version: string): object {
  const schemas = Object.fromEntries(Object.entries(COMPONENTS).map(([name, type]) => [name, jsonSchema(type)]))
  return {
    openapi: '3.1.0',
    info: { title: 'netloom control socket', version, description: 'Over the unix socket of one network, for its user alone.' },
    paths: PATHS,
    components: { schemas },
  }
}
