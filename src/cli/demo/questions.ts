// What the tour's three programs tell each other, in lines of JSON.

/** What the server on the host answers to `GET /`, as a line. */
export const GREETING = 'hello from the host'

/** Where it listens, on the loopback. */
export interface HostPorts {
  readonly http: number
  readonly bulk: number
}

/** What is asked of the program in the sandbox, and below what it answers. */
export type Question =
  | { readonly ask: 'execute'; readonly command: readonly string[] }
  | { readonly ask: 'fetch'; readonly url: string }
  | { readonly ask: 'echo'; readonly address: string; readonly count: number }
  | { readonly ask: 'resolve'; readonly server: string; readonly name: string }
  | { readonly ask: 'download' | 'upload'; readonly host: string; readonly port: number; readonly bytes: number }

export interface Executed {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

export interface Fetched {
  readonly body: string
  readonly ms: number
}

export interface Echoed {
  readonly answered: number
}

export interface Resolved {
  readonly addresses: readonly string[]
}

export interface Transferred {
  readonly isWhole: boolean
  readonly ms: number
}

/** The answer to each question, or why there is none. */
export type Answer<T> = { readonly value: T } | { readonly error: string }
