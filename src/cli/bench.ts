// `netloom bench`: the benchmarks. A package holds those of the whole program (e2e), a clone all of them.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { spawnNode } from '../host/debugger.js'
import { SignalForwarder, signalStatus } from '../host/signals.js'
import { NetloomError } from '../util/errors.js'
import { PACKAGE_ROOT } from '../util/package-root.js'

export async function main(args: readonly string[]): Promise<number> {
  const program = join(PACKAGE_ROOT, 'dist', 'bench', 'main.js')
  if (!existsSync(program))
    throw new NetloomError(
      'ERR_BENCH',
      'this installation has no benchmarks',
      'install netloom again, or run `npm run bench` in a clone of the repository',
    )
  const signals = new SignalForwarder()
  const child = spawnNode([program, ...args], 'inherit')
  signals.forward((signal) => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : signalStatus(signal)))
  })
}
