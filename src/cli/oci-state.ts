// What an OCI runtime tells a hook on its standard input: the state of the container (OCI runtime-spec, runtime.md, State), as JSON.
import { createHash } from 'node:crypto'
import { checkName } from '../app/control-path.js'
import { NetloomError } from '../util/errors.js'

const PREFIX = 'netloom.'
const PUBLISH = `${PREFIX}publish`
/** Of the id in a network's name, characters: with the rest it stays below the longest name (control-path.ts). */
const ID_LENGTH = 32
/** Of the hash in a network's name, hexadecimal digits: so that no two containers of a user have the same. */
const HASH_LENGTH = 8

export interface OciState {
  /** Whether the container has ended; what it had is to be taken away then. */
  readonly hasStopped: boolean
  /** Its first process, 0 when there is none. */
  readonly pid: number
  /** Its network's name: the same at its creation and at its end, and no other's. */
  readonly network: string
  /** The port forwards that its annotations ask for, parted by commas; '' for none. */
  readonly publish: string
}

const unreadable = (why: string): NetloomError =>
  new NetloomError(
    'ERR_OCI_STATE',
    `the state of a container was expected on standard input: ${why}`,
    'use this as a hook of an OCI runtime',
    2,
  )

/**
 * Reads the state.
 * @throws NetloomError `ERR_OCI_STATE`, `ERR_ANNOTATION`, exit status 2.
 */
export function readState(text: string): OciState {
  const state = parse(text)
  const { id, status, bundle, annotations } = state
  const pid = state['pid'] ?? 0
  if (typeof id !== 'string' || id === '') throw unreadable('it has no id')
  if (typeof status !== 'string') throw unreadable('it has no status')
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 0) throw unreadable('its pid is none')
  const hasStopped = status === 'stopped'
  if (!hasStopped && pid === 0) throw unreadable(`it has no pid, though it is ${status}`)
  return { hasStopped, pid, network: networkName(id, bundle), publish: publications(annotations) }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (error) {
    throw unreadable((error as Error).message)
  }
  throw unreadable('it is no object')
}

// An id is unique in one runtime's folder only, and may have characters that a name may not; the bundle is the container's own.
function networkName(id: string, bundle: unknown): string {
  const plain = id.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, ID_LENGTH)
  const hash = createHash('sha256').update(`${id}\0${bundle}`).digest('hex').slice(0, HASH_LENGTH)
  return checkName(`oci-${plain}-${hash}`)
}

function publications(annotations: unknown): string {
  if (typeof annotations !== 'object' || annotations === null) return ''
  let publish = ''
  for (const [name, value] of Object.entries(annotations)) {
    if (!name.startsWith(PREFIX)) continue
    if (name !== PUBLISH || typeof value !== 'string')
      throw new NetloomError('ERR_ANNOTATION', `the annotation '${name}' is not known`, `use ${PUBLISH}, as in "8080:80, 53:53/udp"`, 2)
    publish = value
      .split(/[\s,]+/)
      .filter(Boolean)
      .join(',')
  }
  return publish
}
