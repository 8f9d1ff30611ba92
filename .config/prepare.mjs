#!/usr/bin/env node
// Makes a fresh clone ready: installs the dependencies, builds the native parts and compiles the TypeScript,
// each only when its result is missing or older than what it is made from. `--force` builds again regardless.
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const force = process.argv.includes('--force')
const at = (...parts) => join(root, ...parts)
const changed = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

/** The newest modification time below a folder, in ms; folders count, so that a removed file is noticed. */
function newest(folder) {
  let latest = changed(folder)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'build' || entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : changed(path))
  }
  return latest
}

function step(what, command, args, cwd = root) {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (done.status === 0) return
  process.stdout.write(`${done.stdout ?? ''}${done.stderr ?? ''}`)
  console.error(
    `netloom: ${what} failed: \`${command} ${args.join(' ')}\` ${done.error?.message ?? `ended with status ${done.status}`}; see above`,
  )
  process.exit(1)
}

if (changed(at('node_modules', '.package-lock.json')) < changed(at('package-lock.json'))) {
  console.error('netloom: installing dependencies')
  step('installing the dependencies', 'npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'])
}

// Headers that came with Node are the right ones, and need no download.
const prefix = join(dirname(realpathSync(process.execPath)), '..')
const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : []

const built = ['netloom.node', 'netloom-launcher', 'netloom-slirp4netns'].map((name) => at('native', 'build', 'Release', name))
if (force || Math.min(...built.map(changed)) < newest(at('native'))) {
  console.error('netloom: building native parts')
  step(
    'building the native parts',
    process.execPath,
    [at('node_modules', 'node-gyp', 'bin', 'node-gyp.js'), 'rebuild', '--silent', ...headers],
    at('native'),
  )
}

const sources = ['src', 'bench', 'test', 'tsconfig.json', 'package.json'].map((name) => at(name))
const latest = Math.max(...sources.map((path) => (statSync(path).isDirectory() ? newest(path) : changed(path))))
if (force || changed(at('dist', '.built')) < latest) {
  console.error('netloom: compiling TypeScript')
  step('compiling', process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', root])
  // One file in place of a hundred: Node takes a millisecond to find and load each.
  const { build } = await import('esbuild')
  rmSync(at('dist', 'bin'), { recursive: true, force: true })
  for (const [name, file] of [
    ['main', 'main.cjs'],
    ['slirp4netns', 'slirp4netns.bundle.cjs'],
    ['cached', 'slirp4netns.cjs'],
  ]) {
    await build({
      entryPoints: [at('dist', 'src', 'cli', `${name}.js`)],
      outfile: at('dist', 'bin', file),
      bundle: true,
      platform: 'node',
      // Node starts a CommonJS file 15 ms sooner than a module.
      format: 'cjs',
      // Needed only when somebody asks the control socket.
      external: ['zod'],
      target: 'node20',
      logLevel: 'warning',
      define: { 'import.meta.url': '__importMetaUrl' },
      ...(name === 'cached' ? {} : { banner: { js: "const __importMetaUrl = require('node:url').pathToFileURL(__filename).href;" } }),
    })
  }
  writeFileSync(at('dist', '.built'), '')
}

// slirp4netns finds its second half and its Node beside it, wherever it is started from: native/src/slirp/node.c.
const program = at('dist', 'bin', 'netloom-slirp4netns')
if (changed(program) < changed(built[2])) {
  rmSync(program, { force: true })
  copyFileSync(built[2], program)
  rmSync(at('dist', 'bin', 'node'), { force: true })
  symlinkSync(realpathSync(process.execPath), at('dist', 'bin', 'node'))
}

/** Keeps what V8 makes of the bundle (src/cli/cached.cts) by one run: a socket in place of the TAP, one that is told ready, one that ends it. */
function warm(cache) {
  const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe', 'pipe']
  const args = ['--enable-ipv6', '--netns-type=tapfd', '--ready-fd=4', '--exit-fd=5', '3']
  const child = spawn(program, args, { stdio, env: { NETLOOM_CODE_CACHE: cache } })
  child.stdio[3].resume()
  child.stdio[4].on('data', () => child.stdio[5].destroy())
  return new Promise((resolve) => child.on('exit', resolve))
}

const cache = at('dist', 'bin', 'slirp4netns.bundle.cjs.cache')
if (changed(cache) < changed(at('dist', 'bin', 'slirp4netns.bundle.cjs'))) {
  const status = await warm(cache)
  if (status !== 0)
    console.error('netloom: slirp4netns starts some 20 ms later than it could, for its code could not be compiled beforehand')
}
