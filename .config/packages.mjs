#!/usr/bin/env node
// The Debian packages that the tests, the benchmarks and CI use (packages.json: which programs each brings, and who needs them, by the
// beginnings of their paths). As a program: installs those whose programs are missing, all of them or those of the named parts
// (`node .config/packages.mjs e2e/dhcp unit`). That is for root on Debian and Ubuntu; NETLOOM_NO_INSTALL=1 refuses it. Services that come
// along are not started.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the programs of the administrator are, though a user's PATH may not say so. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
/** invoke-rc.d(8) and deb-systemd-invoke(1p) ask it whether they may start something; 101 means no. */
const POLICY = '/usr/sbin/policy-rc.d'
/** For another run of the package manager to end, s. */
const LOCK_PATIENCE = 300

export const packages = JSON.parse(readFileSync(new URL('packages.json', import.meta.url), 'utf8'))

export function isInstalled(program) {
  return [...SYSTEM_PATH, ...(process.env.PATH ?? '').split(delimiter)].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** The names of the packages that are missing for these parts, or for everything. */
export function missingPackages(parts) {
  const concerns = (test) => parts.length === 0 || parts.some((part) => part.startsWith(test) || test.startsWith(part))
  return packages.filter(({ programs, tests }) => !programs.every(isInstalled) && tests.some(concerns)).map((entry) => entry.package)
}

function apt(...args) {
  const command = ['-q', '-y', '-o', `DPkg::Lock::Timeout=${LOCK_PATIENCE}`, ...args]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', command, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', env })
}

/** Installs them where that can be done, and returns those that are missing all the same. */
export function install(names) {
  const mayInstall = process.env.NETLOOM_NO_INSTALL !== '1' && process.getuid?.() === 0 && isInstalled('apt-get')
  if (names.length === 0 || !mayInstall) return names
  console.error(`netloom: installing packages that the tests use (NETLOOM_NO_INSTALL=1 refuses): ${names.join(' ')}`)
  apt('update')
  // Another release may lack one of them, for which apt-get would install none.
  const isKnown = (name) => /^ {2}Candidate: [^(]/m.test(spawnSync('apt-cache', ['policy', name], { encoding: 'utf8' }).stdout ?? '')
  const known = names.filter(isKnown)
  const isOurs = !existsSync(POLICY)
  if (isOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const done = known.length === 0 ? undefined : apt('install', '--no-install-recommends', ...known)
    if (done !== undefined && done.status !== 0) console.error(`${done.stdout ?? ''}${done.stderr ?? ''}`)
  } finally {
    if (isOurs) rmSync(POLICY, { force: true })
  }
  const isMissing = ({ package: name, programs }) => names.includes(name) && !programs.every(isInstalled)
  return packages.filter(isMissing).map((entry) => entry.package)
}

/** What somebody has to do who wants them. */
export const advice = (names) => `apt-get install --no-install-recommends ${names.join(' ')}`

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const missing = install(missingPackages(process.argv.slice(2)))
  if (missing.length > 0) {
    console.error(`netloom: not installed; as root: ${advice(missing)}`)
    process.exitCode = 1
  }
}
