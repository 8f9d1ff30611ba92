// Where the package lies: the nearest folder above this file that has a package.json. Compiled files and the bundle of the command
// line lie at different depths, so nobody counts folders.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function find(): string {
  const start = dirname(fileURLToPath(import.meta.url))
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return start
  }
}

/** Absolute path of the package's folder. */
export const PACKAGE_ROOT: string = find()

/** The program `netloom`. */
export const PROGRAM: string = join(PACKAGE_ROOT, 'dist', 'bin', 'netloom')

/** The package's version. */
export function packageVersion(): string {
  const text = readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
