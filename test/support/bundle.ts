// A bundle of the OCI runtime-spec, for crun and runc without privileges: one command, in namespaces of its own, over the root of
// container-root.ts. Both run a bundle with `run` and tell its hooks its state.
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONTAINER_MOUNTS, makeRoot } from './container-root.js'
import type { Program, ProgramOptions } from './program.js'
import { userProgram } from './sandbox.js'
import { userEnvironment, world } from './world.js'

/** A runtime, as the unprivileged user starts it. */
export interface Runtime {
  readonly name: string
  /** Its command line. */
  readonly command: readonly string[]
  /** It is root of a user namespace that is there already, as below `podman unshare`. */
  readonly isNested?: boolean
  /** When the hook runs that makes the network. */
  readonly stage: 'createRuntime' | 'poststart'
}

export const RUNC: Runtime = { name: 'runc', command: ['runc'], stage: 'createRuntime' }
export const NESTED_CRUN: Runtime = {
  name: 'crun in a user namespace',
  command: ['unshare', '--user', '--map-root-user', 'crun'],
  isNested: true,
  stage: 'createRuntime',
}
// Which hides the container's first process (PR_SET_DUMPABLE) until it executes the command.
export const CRUN: Runtime = { name: 'crun', command: ['crun'], stage: 'poststart' }

export interface BundleOptions {
  readonly annotations?: Readonly<Record<string, string>>
  /** Of a hook, path first: run at the runtime's stage, and at poststop. */
  readonly hook: readonly string[]
}

export class Bundle {
  readonly folder: string
  readonly #runtime: Runtime
  readonly #state: string

  /** A folder of the user's that close() removes. */
  constructor(name: string, runtime: Runtime, command: readonly string[], options: BundleOptions) {
    this.#runtime = runtime
    this.folder = join(world.scratch, name)
    this.#state = join(this.folder, 'state')
    for (const folder of [this.folder, this.#state]) {
      mkdirSync(folder, { mode: 0o755 })
      chownSync(folder, world.user.uid, world.user.gid)
    }
    makeRoot(join(this.folder, 'rootfs'))
    writeFileSync(join(this.folder, 'config.json'), JSON.stringify(configuration(runtime, command, options)))
  }

  /** Runs the container; `id` is its name. */
  run(id: string, options: ProgramOptions = {}): Program {
    return this.control(['run', '--bundle', this.folder, id], options)
  }

  /** Any command of the runtime. */
  control(args: readonly string[], options: ProgramOptions = {}): Program {
    return userProgram([...this.#runtime.command, '--root', this.#state, ...args], { input: '', ...options })
  }

  async close(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** config.md and config-linux.md of the runtime-spec. */
function configuration({ stage, isNested }: Runtime, command: readonly string[], { annotations = {}, hook }: BundleOptions): object {
  const map = (id: number) => [{ containerID: 0, hostID: isNested === true ? 0 : id, size: 1 }]
  const mount = ([from, to]: readonly [string, string]) => ({ destination: to, type: 'bind', source: from, options: ['rbind', 'ro'] })
  const hooks = [{ path: hook[0], args: hook, env: Object.entries(userEnvironment).map(([name, value]) => `${name}=${value}`) }]
  const namespaces = ['user', 'mount', 'pid', 'ipc', 'uts', 'network']
  const bindLowPorts = ['CAP_NET_BIND_SERVICE']
  const capabilities = { bounding: bindLowPorts, effective: bindLowPorts, permitted: bindLowPorts }
  return {
    ociVersion: '1.0.2',
    process: { terminal: false, user: { uid: 0, gid: 0 }, args: command, env: ['PATH=/usr/sbin:/usr/bin'], cwd: '/', capabilities },
    root: { path: 'rootfs', readonly: false },
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }, ...CONTAINER_MOUNTS.map(mount)],
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      uidMappings: map(world.user.uid),
      gidMappings: map(world.user.gid),
    },
    annotations,
    hooks: { [stage]: hooks, poststop: hooks },
  }
}
