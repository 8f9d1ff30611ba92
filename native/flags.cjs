// What binding.gyp asks for: `node flags.cjs compile` and `node flags.cjs link` print the options of the compiler that make a mistake
// in C harder to use, as far as the compiler knows them, or, with NETLOOM_SANITIZE=address in the environment, those that make it
// end the process at once (AddressSanitizer and UndefinedBehaviorSanitizer). An option is known when it compiles a line without a warning.
const { spawnSync } = require('node:child_process')

const isSanitized = (process.env.NETLOOM_SANITIZE ?? '') !== ''

// Each by itself. Level 3 needs GCC 12 or Clang 9, and glibc 2.35: elsewhere the headers warn, and 2 has to do. The distribution's own level goes first.
const HARDENED = [
  ['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=3'],
  ['-fstack-clash-protection'],
  ['-fcf-protection=full'], // x86 alone
  ['-mbranch-protection=standard'], // aarch64 alone
]
const FORTIFY_FALLBACK = ['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2']
// The interceptors of the sanitizers take the place of fortified functions.
const SANITIZED = ['-U_FORTIFY_SOURCE', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer', '-g']

function isKnown(options) {
  // What node-gyp's make calls, but for a variable of make's own.
  const [compiler, ...rest] = (process.env.CC || 'cc').split(' ')
  const args = [...rest, '-O2', '-Werror', ...options, '-x', 'c', '-c', '-', '-o', '/dev/null']
  return spawnSync(compiler, args, { input: '#include <string.h>\nint only;\n' }).status === 0
}

function compileOptions() {
  if (isSanitized) return SANITIZED
  return HARDENED.flatMap((options, i) => {
    if (isKnown(options)) return options
    return i === 0 ? FORTIFY_FALLBACK : []
  })
}

const options = process.argv[2] === 'link' ? (isSanitized ? ['-fsanitize=address,undefined'] : []) : compileOptions()
process.stdout.write(options.join(' '))
