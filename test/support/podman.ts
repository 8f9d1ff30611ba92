// Rootless Podman as the test user, for containers without an image (container-root.ts). What it wants of the machine is in rootless.ts; of
// the runtime folder it is particular, for the paths of its sockets fit no longer one than /run/user/UID.
//
// It keeps one process per user, which holds its namespaces (the pid is in pause.pid); that one is started with the first command
// and ended by close().
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONTAINER_MOUNTS, guestCommand, makeRoot } from './container-root.js'
import { requirePrograms } from './packages.js'
import { findProcesses } from './processes.js'
import { type Outcome, type Program, type ProgramOptions, until } from './program.js'
import { giveSubordinateIds, mountCgroup2, mountRuntime, RUNTIME } from './rootless.js'
import { answer, userProgram } from './sandbox.js'
import { SLIRP4NETNS } from './slirp4netns.js'
import { userEnvironment, world } from './world.js'

/** Of the runtime folder: what Podman keeps of containers that run. */
const STATE = join(RUNTIME, 'libpod/tmp')

/** What podman(1) reads in place of the machine's containers.conf(5) and storage.conf(5). */
function writeConfiguration(folder: string, program: string): NodeJS.ProcessEnv {
  const files = {
    CONTAINERS_CONF: `[engine]
network_cmd_path = "${program}"
cgroup_manager = "cgroupfs"
events_logger = "none"
[containers]
cgroups = "disabled"
log_driver = "k8s-file"
default_sysctls = ["net.ipv4.ping_group_range=0 0"]
`,
    CONTAINERS_STORAGE_CONF: '[storage]\ndriver = "vfs"\n',
  }
  const environment: NodeJS.ProcessEnv = {}
  for (const [variable, text] of Object.entries(files)) {
    environment[variable] = join(folder, `${variable}.conf`)
    writeFileSync(environment[variable], text)
  }
  return environment
}

export class Podman {
  readonly #environment: NodeJS.ProcessEnv
  readonly #folder: string
  readonly #root: string
  readonly #unmount: readonly (() => Promise<void>)[]

  private constructor(environment: NodeJS.ProcessEnv, folder: string, root: string, unmount: readonly (() => Promise<void>)[]) {
    this.#environment = environment
    this.#folder = folder
    this.#root = root
    this.#unmount = unmount
  }

  /** Ready to run containers, with a program in place of slirp4netns. */
  static async start(program = SLIRP4NETNS): Promise<Podman> {
    requirePrograms(['podman'])
    giveSubordinateIds()
    const unmount = [await mountCgroup2(), await mountRuntime()]
    const folder = join(world.scratch, 'podman')
    mkdirSync(folder, { mode: 0o755 })
    const environment = { ...userEnvironment, XDG_RUNTIME_DIR: RUNTIME, ...writeConfiguration(folder, program) }
    const podman = new Podman(environment, folder, makeRoot(join(folder, 'root')), unmount)
    // The first container leaves folders and files that stay, and the process that holds the namespaces.
    const container = await podman.serve('first', [], ['sh', '-c', 'echo ready; exec sleep infinity'], /^ready$/m)
    await container.must(['true'])
    await container.close()
    // What cleans up after a container outlives it.
    await until(() => findProcesses(/^\S*conmon\0|\0cleanup\0/).length === 0, 'the first container is still being cleaned up')
    return podman
  }

  /** Arguments of `podman` for a container that is removed when its command has ended. */
  containerArgs(options: readonly string[], command: readonly string[]): string[] {
    const mounts = CONTAINER_MOUNTS.map(([from, to]) => `--volume=${from}:${to}:ro`)
    return ['run', '--rm', ...mounts, ...options, '--rootfs', this.#root, ...command]
  }

  /** Any podman command. */
  spawn(args: readonly string[], options: ProgramOptions = {}): Program {
    return userProgram(['podman', '--log-level=error', ...args], { environment: this.#environment, ...options })
  }

  /** Runs a command of podman's that has to succeed; returns what it printed. */
  async must(args: readonly string[]): Promise<string> {
    const outcome = await this.spawn(args, { input: '' }).finished
    if (outcome.status === 0) return outcome.stdout
    throw new Error(`podman ${args.join(' ')}: status ${outcome.status ?? outcome.signal}: ${outcome.stderr}${outcome.stdout}`)
  }

  /** Runs a container to its end. */
  run(options: readonly string[], command: readonly string[]): Promise<Outcome> {
    return this.spawn(this.containerArgs(options, command), { input: '' }).finished
  }

  /** Runs a program of test/e2e/guest in a container; returns the JSON document that is its last line. */
  ask<T>(options: readonly string[], name: string, ...args: readonly (string | number)[]): Promise<T> {
    return answer<T>(this.spawn(this.containerArgs(options, guestCommand(name, ...args))))
  }

  /** A container that runs until it is closed: its command has printed what `ready` describes. */
  async serve(name: string, options: readonly string[], command: readonly string[], ready = /^listening$/m): Promise<Container> {
    const program = this.spawn(this.containerArgs([`--name=${name}`, ...options], command), { deadline: 600_000 })
    await program.line(ready)
    return new Container(this, name, program)
  }

  /** The API sockets of networks, those that run and any that were left behind. */
  get sockets(): string[] {
    return readdirSync(STATE).filter((name) => name.endsWith('.net'))
  }

  async close(): Promise<void> {
    const pid = Number(readFileSync(join(STATE, 'pause.pid'), 'utf8'))
    process.kill(pid, 'SIGTERM')
    await until(() => !existsSync(`/proc/${pid}/ns`), 'the process that holds the namespaces of podman does not end')
    rmSync(`/dev/shm/libpod_rootless_lock_${world.user.uid}`, { force: true })
    for (const folder of [this.#folder, join(world.home, '.local'), join(world.home, '.config')])
      rmSync(folder, { recursive: true, force: true })
    for (const unmount of this.#unmount) await unmount()
  }
}

/** A container that runs a server. */
export class Container {
  readonly name: string
  /** The `podman run` that it was started with. */
  readonly program: Program
  readonly #podman: Podman

  constructor(podman: Podman, name: string, program: Program) {
    this.#podman = podman
    this.name = name
    this.program = program
  }

  /** Runs a command in it that has to succeed; returns what it printed. */
  must(command: readonly string[]): Promise<string> {
    return this.#podman.must(['exec', this.name, ...command])
  }

  async close(): Promise<void> {
    await this.#podman.must(['rm', '--force', '--ignore', '--time=0', this.name])
    await this.program.finished
  }
}
