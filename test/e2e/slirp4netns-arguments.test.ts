// The command line of slirp4netns, line by line: what is said on which stream, and the exit status. Where the real program is installed each row
// is put to both; rows marked so are those that differ on purpose.
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { e2e } from '../support/e2e.js'
import { REFERENCE, runSlirp, SLIRP } from '../support/slirp.js'
import { world } from '../support/world.js'

interface Row {
  readonly args: readonly string[]
  /** Standard error, without the program's name in front. */
  readonly error: string
  /** Lines on standard output. */
  readonly output?: readonly string[]
  /** The usage follows. */
  readonly hasUsage?: boolean
  /** Why the reference does something else. */
  readonly differs?: string
}

const NOBODY = '999999'
const GONE = `/proc/${NOBODY}/ns/net: No such file or directory\nchild failed(1)`
const BAD_MAC = "macaddress has to be a valid MAC address (hex string, 6 bytes, each byte separated by a ':')."
const usage = (error: string, ...args: readonly string[]): Row => ({ args, error, hasUsage: true })
const error = (text: string, ...args: readonly string[]): Row => ({ args, error: text })
const says = (output: readonly string[], ...args: readonly string[]): Row => ({ args, error: GONE, output })

const ROWS: readonly Row[] = [
  usage(''),
  usage('', '-c'),
  usage('', NOBODY),
  usage("unrecognized option '--foo'", '--foo'),
  usage("invalid option -- 'x'", '-x', NOBODY, 'tap0'),
  usage("option '--m' is ambiguous; possibilities: '--mtu' '--macaddress'", '--m', '9'),
  usage("option '--mtu' requires an argument", '--mtu'),
  usage("option '--enable-ipv6' doesn't allow an argument", '--enable-ipv6=3', NOBODY, 'tap0'),
  usage('PID must be a positive integer', 'abc', 'tap0'),
  usage('PID must be a positive integer', '0', 'tap0'),
  usage('PID must be a positive integer', '1x', 'tap0'),
  usage('PID must be a positive integer', '--', '-5', 'tap0'),
  usage('exit-fd must be a non-negative integer', '-e', 'x', NOBODY, 'tap0'),
  usage('exit-fd must be a non-negative integer', '--exit-fd=-1', NOBODY, 'tap0'),
  usage('ready-fd must be a non-negative integer', '-r5x', NOBODY, 'tap0'),
  usage('MTU must be a positive integer (< 65522)', '-m', '0', NOBODY, 'tap0'),
  usage('MTU must be a positive integer (< 65522)', '--mtu=65522', NOBODY, 'tap0'),
  usage('MTU must be a positive integer (< 65522)', '--mt', 'x', NOBODY, 'tap0'),
  usage("userns path doesn't exist: /nope", '--userns-path=/nope', NOBODY, 'tap0'),
  usage('existing path expected when --netns-type=path: No such file or directory', '--netns-type=path', '/nope', 'tap0'),
  usage('existing path expected when --netns-type=path: No such file or directory', '--netns-type=anything', '/nope', 'tap0'),
  usage('--macaddr cannot be specified when --configure or -c is not specified', '--macaddress=02:00:00:00:00:01', NOBODY, 'tap0'),
  usage('--target-type must be either "netns" or "bess"', '--target-type=x', NOBODY, 'tap0'),
  usage('--configure conflicts with --target-type=bess', '-c', '--target-type=bess', '/nope/x'),
  usage('--netns-type conflicts with --target-type=bess', '--netns-type=pid', '--target-type=bess', '/nope/x'),
  usage('--userns-path conflicts with --target-type=bess', '--userns-path=/', '--target-type=bess', '/nope/x'),
  usage('too many arguments', '--target-type=bess', '/nope/x', 'y'),
  { ...usage('TAPFD must a file descriptor', '--netns-type=tapfd', 'x'), differs: 'of 1.3.0' },
  error('invalid CIDR: x', '--cidr=x', NOBODY, 'tap0'),
  error('invalid CIDR: ', '--cidr=', NOBODY, 'tap0'),
  error('invalid CIDR: 10.0.2.0/240', '--cidr=10.0.2.0/240', NOBODY, 'tap0'),
  error('invalid network address: 300.1.1.0', '--cidr=300.1.1.0/24', NOBODY, 'tap0'),
  error('prefix length needs to be 1-25', '--cidr=10.0.0.0/26', NOBODY, 'tap0'),
  error('prefix length needs to be 1-25', '--cidr=10.0.0.5/0', NOBODY, 'tap0'),
  error('CIDR needs to be a network address like 10.0.2.0/24, not like 10.0.2.100/24', '--cidr=10.0.0.5/24', NOBODY, 'tap0'),
  { ...error('invalid network address: 127.0.0.0', '--cidr=127.0.0.0/8', NOBODY, 'tap0'), differs: 'nobody can live there' },
  error(`"zz" is an invalid MAC address.\n${BAD_MAC}`, '-c', '--macaddress=zz', NOBODY, 'tap0'),
  error(`"" is an invalid MAC address.\n${BAD_MAC}`, '-c', '--macaddress=', NOBODY, 'tap0'),
  error(`"100:1:1:1:1:1" is an invalid MAC address.\n${BAD_MAC}`, '-c', '--macaddress=100:1:1:1:1:1', NOBODY, 'tap0'),
  error(`"2:3:4:5:6:" is an invalid MAC address.\n${BAD_MAC}`, '-c', '--macaddress=2:3:4:5:6:', NOBODY, 'tap0'),
  error(`"2:3:4:5:6:7:8" is an invalid MAC address.  Is it too long?\n${BAD_MAC}`, '-c', '--macaddress=2:3:4:5:6:7:8', NOBODY, 'tap0'),
  error('invalid CIDR: x', '-c', '--macaddress=zz', '--cidr=x', NOBODY, 'tap0'),
  error(GONE, '-c', '--macaddress=2:3:4:5:6', NOBODY, 'tap0'),
  error(GONE, NOBODY, 'tap0'),
  error(GONE, NOBODY, 'tap0', '--disable-dns'),
  error(GONE, '-e77', '-m1500', '--mt', '9000', NOBODY, 'tap0', '-c'),
  error(GONE, '--cidr=x', '--cidr=10.9.0.0/16', NOBODY, 'tap0'),
  error('setns(CLONE_NEWNET): Invalid argument\nchild failed(1)', '--netns-type=path', '/etc', 'tap0'),
  says(['WARNING: too many arguments'], NOBODY, 'tap0', 'more'),
  says(['WARNING: Support for IPv6 is experimental'], '-6', NOBODY, 'tap0'),
  says(['WARNING: Support for seccomp is experimental'], '--enable-seccomp', NOBODY, 'tap0'),
  says(['WARNING: Support for --outbound-addr is experimental'], '--outbound-addr=lo', NOBODY, 'tap0'),
  says(['WARNING: Support for --outbound-addr6 is experimental'], '--outbound-addr6=::1', NOBODY, 'tap0'),
  {
    ...says(['WARNING: Support for --outbound-addr6 is experimental'], '--outbound-addr6=lo', NOBODY, 'tap0'),
    differs: 'looks for the interface in the other option',
  },
  says(
    ['WARNING: --no-host-loopback is deprecated and will be removed in future releases, please use --disable-host-loopback instead.'],
    '--no-host-loopback',
    NOBODY,
    'tap0',
  ),
  says(
    ['WARNING: --create-sandbox is deprecated and will be removed in future releases, please use --enable-sandbox instead.'],
    '--create-sandbox',
    NOBODY,
    'tap0',
  ),
  {
    args: ['--outbound-addr=foo', NOBODY, 'tap0'],
    error: 'outbound-addr has to be valid ipv4 address or interface name.',
    output: ['WARNING: Support for --outbound-addr is experimental'],
  },
  {
    args: ['--outbound-addr6=foo', NOBODY, 'tap0'],
    error: 'outbound-addr6 has to be valid ipv6 address or interface name.',
    output: ['WARNING: Support for --outbound-addr6 is experimental'],
    differs: 'names the other option',
  },
  {
    args: ['--target-type=bess', '/nope/x'],
    error: 'child_bess: bind: No such file or directory\nchild failed(1)',
    output: ['WARNING: BESS mode is experimental'],
  },
]

/** What a row says of a run: warnings are printed twice where standard output is a pipe that a child has inherited. */
async function observe(path: string, row: Row): Promise<Row> {
  const { status, stdout, stderr } = await runSlirp(row.args, { path })
  assert.equal(status, 1, `${row.args.join(' ')}: ${stderr}`)
  const [before, after] = stdout.split(/^Usage: /m)
  return {
    args: row.args,
    error: stderr.replaceAll(`${path}: `, '').trimEnd(),
    output: [...new Set(before!.split('\n').filter((line) => line !== ''))],
    hasUsage: after !== undefined,
  }
}

const expected = ({ args, error: text, output = [], hasUsage = false }: Row): Row => ({ args, error: text.trimEnd(), output, hasUsage })

e2e('each mistake has its line on standard error, its usage on standard output, and status 1', async () => {
  for (const row of ROWS) assert.deepEqual(await observe(SLIRP, row), expected(row))
})

e2e(
  'slirp4netns itself says the same',
  async () => {
    for (const row of ROWS) if (row.differs === undefined) assert.deepEqual(await observe(REFERENCE, row), expected(row))
  },
  { needs: ['slirp4netns'] },
)

e2e(
  '--help lists what callers look for, --version what they parse; neither needs Node, an environment, or a place of its own',
  async () => {
    const alone = join(world.scratch, 'slirp4netns')
    copyFileSync(SLIRP, alone)
    const options = { path: alone, environment: {} }
    const help = await runSlirp(['--help'], options)
    assert.deepEqual([help.status, help.stderr], [0, ''])
    assert.match(help.stdout, new RegExp(`^Usage: ${alone} \\[OPTION\\]... PID\\|PATH\\|FD \\[TAPNAME\\]\n`))
    const named = '-c, -e, -r, -m, -6, -a, --configure --exit-fd --ready-fd --mtu --enable-ipv6 --api-socket --cidr --disable-host-loopback'
    const more = '--netns-type --userns-path --enable-sandbox --enable-seccomp --outbound-addr --outbound-addr6 --disable-dns --macaddress'
    for (const option of [...named.split(' '), ...more.split(' '), '--target-type']) assert.ok(help.stdout.includes(option), option)
    // The word alone, as `grep -w` of Docker's start script looks for it.
    assert.match(help.stdout, /(^|\s)--netns-type\b/m)
    const version = await runSlirp(['-v'], options)
    assert.equal(version.status, 0)
    assert.match(
      version.stdout,
      /^slirp4netns version 1\.3\.\d+\ncommit: \S+\nlibslirp: .+\nSLIRP_CONFIG_VERSION_MAX: [3-9]\nlibseccomp: .+\n$/,
    )
    assert.equal((await runSlirp(['-hc', 'x'], options)).status, 0)
  },
)
