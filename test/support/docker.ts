// Rootless Docker as the test user: dockerd-rootless.sh, which starts dockerd below RootlessKit, which starts whatever `slirp4netns` is first
// in the PATH. Containers have an image of one folder and the mounts of container-root.ts; what the daemon wants of the machine is in rootless.ts.
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { CONTAINER_MOUNTS, makeRoot } from './container-root.js'
import { requirePrograms } from './packages.js'
import { findProcesses } from './processes.js'
import { must, type Program, type ProgramOptions, until } from './program.js'
import { giveSubordinateIds, mountCgroup2, mountRuntime, RUNTIME } from './rootless.js'
import { userProgram } from './sandbox.js'
import { SLIRP4NETNS } from './slirp4netns.js'
import { asUser, userEnvironment, world } from './world.js'

/** Of Debian's docker.io. */
const SCRIPT = '/usr/share/docker.io/contrib/dockerd-rootless.sh'
const IMAGE = 'root'

export class Docker {
  readonly #daemon: Program
  readonly #environment: NodeJS.ProcessEnv
  readonly #folder: string
  readonly #unmount: readonly (() => Promise<void>)[]

  private constructor(daemon: Program, environment: NodeJS.ProcessEnv, folder: string, unmount: readonly (() => Promise<void>)[]) {
    this.#daemon = daemon
    this.#environment = environment
    this.#folder = folder
    this.#unmount = unmount
  }

  /** A daemon that is ready, with one of RootlessKit's drivers for published ports. */
  static async start(portDriver: string): Promise<Docker> {
    requirePrograms(['docker', 'dockerd', 'rootlesskit'])
    giveSubordinateIds()
    const unmount = [await mountCgroup2(), await mountRuntime()]
    const folder = join(world.scratch, 'docker')
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true, mode: 0o755 })
    symlinkSync(SLIRP4NETNS, join(bin, 'slirp4netns'))
    const environment = {
      ...userEnvironment,
      PATH: `${bin}:${userEnvironment['PATH']}`,
      XDG_RUNTIME_DIR: RUNTIME,
      DOCKER_HOST: `unix://${RUNTIME}/docker.sock`,
      DOCKERD_ROOTLESS_ROOTLESSKIT_NET: 'slirp4netns',
      DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER: portDriver,
    }
    const command = ['sh', '-c', 'exec "$@" 2>&1', 'sh', SCRIPT, '--storage-driver=vfs', '--exec-opt=native.cgroupdriver=cgroupfs']
    const daemon = userProgram(command, { environment, deadline: 600_000 })
    const docker = new Docker(daemon, environment, folder, unmount)
    await daemon.line(/API listen on/)
    const root = makeRoot(join(folder, 'root'))
    await must(['sh', '-c', 'tar -C "$0" -c . | "$@"', root, ...asUser(['docker', 'import', '-', IMAGE])], { environment })
    // The first container leaves folders that stay.
    await docker.spawn([], ['true']).finished
    await until(() => findProcesses(/containerd-shim/).length === 0, 'the first container is still being cleaned up')
    return docker
  }

  /** Starts a container that is removed when its command has ended. */
  spawn(options: readonly string[], command: readonly string[], more: ProgramOptions = {}): Program {
    const mounts = CONTAINER_MOUNTS.map(([from, to]) => `--volume=${from}:${to}:ro`)
    const args = ['docker', 'run', '--rm', ...mounts, ...options, IMAGE, ...command]
    return userProgram(args, { environment: this.#environment, deadline: 120_000, ...more })
  }

  async remove(name: string): Promise<void> {
    await must(asUser(['docker', 'rm', '--force', name]), { environment: this.#environment })
  }

  async close(): Promise<void> {
    await this.#daemon.close()
    for (const folder of [this.#folder, join(world.home, '.local'), join(world.home, '.config')])
      rmSync(folder, { recursive: true, force: true })
    for (const unmount of this.#unmount) await unmount()
  }
}
