// The frame around every e2e test: what a test opens it hands to its scope, which closes it again, in reverse; afterwards the host
// must be as it was before, or the test has failed.
import { after, before, test } from 'node:test'
import { expectNothingLeft, type Inventory, takeInventory } from './leftovers.js'
import { world } from './world.js'

interface Closable {
  close(): Promise<void>
}

export class Scope {
  readonly #open: Closable[] = []

  /** Takes what has to be closed at the end; returns it. */
  use<T extends Closable>(resource: T): T {
    this.#open.push(resource)
    return resource
  }

  defer(close: () => void | Promise<void>): void {
    this.#open.push({ close: async () => close() })
  }

  async close(): Promise<void> {
    for (let resource = this.#open.pop(); resource !== undefined; resource = this.#open.pop()) await resource.close()
  }
}

interface E2eOptions {
  /** For the whole test, in ms. */
  timeout?: number
  /** The test plays another user or another device file, which only root can. */
  needsRoot?: boolean
  /** The only one that it knows, as process.arch has it. */
  architecture?: string
}

/** A test that takes longer hangs; every program it starts has a shorter deadline and says what it printed. */
const TIMEOUT = 120_000

function skipReason(options: E2eOptions): string | false {
  if (options.needsRoot === true && !world.isRoot) return 'needs root to prepare it'
  if (options.architecture !== undefined && options.architecture !== process.arch) return `is for ${options.architecture} only`
  return world.tunProblem === '' ? false : world.tunProblem
}

export function e2e(name: string, body: (scope: Scope) => Promise<void>, options: E2eOptions = {}): void {
  test(name, { timeout: options.timeout ?? TIMEOUT, skip: skipReason(options) }, async () => {
    const inventory = takeInventory()
    const scope = new Scope()
    try {
      await body(scope)
    } finally {
      await scope.close()
    }
    await expectNothingLeft(inventory)
  })
}

const fileScope = new Scope()
const makers: (() => Promise<void>)[] = []

/** One pair of hooks for all that a file shares: made in order before its first test, closed in reverse after its last. */
function registerHooks(): void {
  let inventory: Inventory | undefined
  before(
    async () => {
      inventory = takeInventory()
      for (const make of makers) await make()
    },
    { timeout: TIMEOUT },
  )
  after(
    async () => {
      await fileScope.close()
      if (inventory !== undefined) await expectNothingLeft(inventory)
    },
    { timeout: TIMEOUT },
  )
}

/** Something that all tests of the file use; when they are done and it is closed, nothing of it may be left. */
export function shared<T>(make: (scope: Scope) => Promise<T>, options: Pick<E2eOptions, 'needsRoot'> = {}): () => T {
  let value: T | undefined
  if (skipReason(options) === false) {
    if (makers.length === 0) registerHooks()
    makers.push(async () => {
      value = await make(fileScope)
    })
  }
  return () => {
    if (value === undefined) throw new Error('what this file shares was not made: see the failure of its before hook')
    return value
  }
}
