// The frame around every e2e test: what a test opens it hands to its scope, which closes it again, in reverse; afterwards the host
// must be as it was before, or the test has failed.
import { after, before, test } from 'node:test'
import { expectNothingLeft, type Inventory, killNewcomers, takeInventory } from './leftovers.js'
import { MissingProgram, needs } from './packages.js'
import { Program, within } from './program.js'
import { world } from './world.js'

interface Closable {
  close(): Promise<void>
}

/** For one thing that a test has opened to be closed, ms. */
const CLOSE_LIMIT = 30_000

export class Scope {
  readonly #open: Closable[] = []
  #isClosed = false

  /** Takes what has to be closed at the end; returns it. */
  use<T extends Closable>(resource: T): T {
    if (this.#isClosed) {
      resource.close().catch(() => {})
      throw new Error('the test has ended already')
    }
    this.#open.push(resource)
    return resource
  }

  defer(close: () => void | Promise<void>): void {
    this.use({ close: async () => close() })
  }

  /** Closes everything, also what comes behind something that cannot be closed; then fails with the first reason. */
  async close(): Promise<void> {
    this.#isClosed = true
    const failures: unknown[] = []
    for (let resource = this.#open.pop(); resource !== undefined; resource = this.#open.pop()) {
      const name = resource.constructor.name
      await within(resource.close(), `a ${name} does not close`, CLOSE_LIMIT).catch((error) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }
}

interface E2eOptions {
  /** For the whole test, in ms. */
  timeout?: number
  /** The test plays another user or another device file, which only root can. */
  needsRoot?: boolean
  /** The only one that it knows, as process.arch has it. */
  architecture?: string
  /** Programs of .config/packages.json that it uses and no command line of its own shows. */
  needs?: readonly string[]
  /** Why it cannot run here; '' or nothing: it can. */
  skip?: string
}

/** A test that takes longer hangs, ms; every program it starts has a shorter deadline and says what it printed. */
const TIMEOUT = 120_000
/** Afterwards, for what it has opened to be closed: node's own limit comes last, for it names the test and cleans up nothing. */
const CLEANUP = 120_000

function skipReason(options: E2eOptions): string | false {
  if (options.needsRoot === true && !world.isRoot) return 'needs root to prepare it'
  if (options.skip !== undefined && options.skip !== '') return options.skip
  if (options.architecture !== undefined && options.architecture !== process.arch) return `is for ${options.architecture} only`
  return world.tunProblem === '' ? needs(...(options.needs ?? [])) : world.tunProblem
}

/** What is to be known of a test that hangs. */
function describeRunning(earlier: ReadonlySet<Program>): string {
  const programs = [...Program.running].filter((program) => !earlier.has(program))
  return ['the test is still running, with', ...programs.map((program) => program.describe())].join('\n')
}

async function perform(body: (scope: Scope) => Promise<void>, limit: number, inventory: Inventory): Promise<void> {
  const scope = new Scope()
  const earlier = new Set(Program.running)
  try {
    await within(body(scope), () => describeRunning(earlier), limit)
  } catch (error) {
    await scope.close().catch(() => {})
    throw error
  }
  await scope.close()
  await expectNothingLeft(inventory)
}

/** One test, within its limit, ms: it leaves nothing behind, and when it fails, nothing that runs. */
export async function attempt(body: (scope: Scope) => Promise<void>, limit: number): Promise<void> {
  const inventory = takeInventory()
  try {
    await perform(body, limit, inventory)
  } catch (error) {
    await killNewcomers(inventory)
    throw error
  }
}

export function e2e(name: string, body: (scope: Scope) => Promise<void>, options: E2eOptions = {}): void {
  const limit = options.timeout ?? TIMEOUT
  test(name, { timeout: limit + CLEANUP, skip: skipReason(options) }, async (t) => {
    try {
      await attempt(body, limit)
    } catch (error) {
      if (!(error instanceof MissingProgram)) throw error
      t.skip(error.message)
    }
  })
}

const fileScope = new Scope()
const makers: (() => Promise<void>)[] = []
/** What something that the file shares needs and this machine lacks. */
let shortage: MissingProgram | undefined

/** One pair of hooks for all that a file shares: made in order before its first test, closed in reverse after its last. */
function registerHooks(): void {
  let inventory: Inventory | undefined
  before(
    async () => {
      inventory = takeInventory()
      try {
        for (const make of makers) await within(make(), () => describeRunning(new Set()), TIMEOUT)
      } catch (error) {
        if (!(error instanceof MissingProgram)) throw error
        shortage = error
      }
    },
    { timeout: TIMEOUT + CLEANUP },
  )
  after(
    async () => {
      await fileScope.close()
      if (inventory !== undefined && shortage !== undefined) await killNewcomers(inventory)
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
    if (value === undefined) throw shortage ?? new Error('what this file shares was not made: see the failure of its before hook')
    return value
  }
}
