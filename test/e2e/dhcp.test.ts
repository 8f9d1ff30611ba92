// The DHCP clients that people have, in a sandbox whose address was taken away: busybox' udhcpc, ISC's dhclient and dhcpcd; the latter two
// for IPv6 as well. They write to a /run of their own, and a hook prints what they are told.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { e2e, type Scope } from '../support/e2e.js'
import type { Program } from '../support/program.js'
import { Sandbox } from '../support/sandbox.js'

/** Debian's own script does what udhcpc says; dhclient's would write to /etc. */
const PREPARE = `
ip -4 addr flush dev tap0
mount -t tmpfs none /run
cp /etc/resolv.conf /run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf
cat > /run/udhcpc-hook <<'END'
#!/bin/sh
/etc/udhcpc/default.script "$@" 2> /dev/null
env
cat /etc/resolv.conf
echo "done $1"
END
cat > /run/dhclient-hook <<'END'
#!/bin/sh
env
if [ "$reason" = BOUND ] || [ "$reason" = REBOOT ]; then
  ip addr add "$new_ip_address/$new_subnet_mask" broadcast "$new_broadcast_address" dev "$interface"
  ip link set "$interface" mtu "$new_interface_mtu"
  ip route add default via "$new_routers"
fi
END
printf '#!/bin/sh\\nenv\\necho "done $reason"\\n' > /run/dhcpcd-hook
chmod +x /run/*-hook
`

/** Without its user dhcpcd does not try to become that, which a namespace of one user cannot. */
const DHCPCD = `
grep -v dhcpcd /etc/passwd > /run/passwd
mount --bind /run/passwd /etc/passwd
mount -t tmpfs none /var/lib/dhcpcd
exec dhcpcd -B --nodelay -f /dev/null -c /run/dhcpcd-hook`

/** Shell commands inside, with files of their own. */
const shell = (script: string): string[] => ['unshare', '--mount', 'sh', '-ec', PREPARE + script]

/** The same, and a daemon that they leave behind ends with them. */
const shellOfDaemons = (script: string): string[] => ['unshare', '--pid', '--fork', '--kill-child', ...shell(script)]

async function start(scope: Scope, ...args: string[]): Promise<Sandbox> {
  const before = readFileSync('/etc/resolv.conf')
  scope.defer(() => {
    rmSync('/etc/resolv.conf', { force: true })
    writeFileSync('/etc/resolv.conf', before)
  })
  writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.2\nsearch corp.example lab.example\n')
  // What nsenter(1) starts there is its own process, which signals reach.
  return scope.use(await Sandbox.start('--verbose', '--share-pid', ...args))
}

/** The interface as a client left it, by which the gateway is to be reached. */
async function expectConfigured(guest: Sandbox, address: string, mtu: number): Promise<void> {
  assert.match(await guest.must(['ip', '-o', '-4', 'addr', 'show', 'tap0']), new RegExp(`inet ${address}/24 brd 10\\.0\\.2\\.255 `))
  const route = await guest.must(['ip', '-4', 'route', 'show', 'default'])
  assert.match(route, /^default via 10\.0\.2\.2 dev tap0 /)
  // dhcpcd leaves the interface as it is, and gives the MTU to its routes.
  const found = /\bmtu (\d+)/.exec(route) ?? /\bmtu (\d+)/.exec(await guest.must(['ip', 'link', 'show', 'tap0']))
  assert.equal(Number(found?.[1]), mtu)
  await guest.must(['ping', '-c', '1', '-W', '5', '10.0.2.2'])
}

/** Variables that a hook has printed. */
function expectPrinted(program: Program, variables: Readonly<Record<string, string>>): void {
  const lines = program.stdout.split('\n')
  for (const [name, value] of Object.entries(variables))
    assert.ok(lines.includes(`${name}=${value}`), `no ${name}=${value} in ${program.describe()}`)
}

e2e('udhcpc: configures the interface, renews its lease and gives it back', async (scope) => {
  const guest = await start(scope, '--mtu=1400')
  const program = scope.use(
    guest.spawn(shell('exec udhcpc -f -i tap0 -s /run/udhcpc-hook -O search -O mtu -O staticroutes -O hostname'), { input: '' }),
  )
  await program.line(/^done bound$/m)
  expectPrinted(program, {
    ip: '10.0.2.15',
    router: '10.0.2.2',
    dns: '10.0.2.3',
    mtu: '1400',
    domain: 'corp.example',
    search: 'corp.example lab.example',
    staticroutes: '0.0.0.0/0 10.0.2.2',
    hostname: hostname(),
    lease: '86400',
  })
  assert.match(program.stdout, /^nameserver 10\.0\.2\.3$/m)
  await expectConfigured(guest, '10.0.2.15', 1400)
  assert.match(guest.program.stderr, /^netloom: DHCP: 10\.0\.2\.15 is leased to [0-9a-f:]{17}$/m)
  program.kill('SIGUSR1')
  await program.line(/^done renew$/m)
  program.kill('SIGUSR2')
  await program.line(/^done renew$[\s\S]*^done deconfig$/m)
})

e2e('dhclient: configures the interface, has the same address after it began anew, and gives it back', async (scope) => {
  const guest = await start(scope, '--mtu=9000')
  const client = 'dhclient -1 -v -lf /run/lease -pf /run/pid -sf /run/dhclient-hook tap0'
  const program = scope.use(
    guest.spawn(shellOfDaemons(`${client}; ${client} -x; ip -4 addr flush dev tap0; ${client}; echo done; read end || true; ${client} -r`)),
  )
  await program.line(/^done$/m)
  expectPrinted(program, {
    new_ip_address: '10.0.2.15',
    new_routers: '10.0.2.2',
    new_domain_name_servers: '10.0.2.3',
    new_domain_name: 'corp.example',
    new_domain_search: 'corp.example. lab.example.',
    new_interface_mtu: '9000',
    new_rfc3442_classless_static_routes: '0 10 0 2 2',
    new_dhcp_lease_time: '86400',
    new_dhcp_renewal_time: '43200',
    new_dhcp_rebinding_time: '75600',
  })
  // The second time it remembered what it had.
  expectPrinted(program, { reason: 'REBOOT' })
  assert.equal(program.stderr.split('DHCPDISCOVER').length, 2, program.stderr)
  assert.equal(program.stderr.split('DHCPACK of 10.0.2.15 from 10.0.2.2').length, 3, program.stderr)
  await expectConfigured(guest, '10.0.2.15', 9000)
  program.end()
  const { status, stderr } = await program.finished
  assert.equal(status, 0, program.describe())
  assert.match(stderr, /DHCPRELEASE of 10\.0\.2\.15 on tap0 to 10\.0\.2\.2 /)
})

e2e('dhcpcd: finds nobody else at its address, and configures the interface', async (scope) => {
  const guest = await start(scope, '--mtu=1400')
  const asked = 'domain_name_servers,domain_name,domain_search,interface_mtu,routers,classless_static_routes'
  const program = scope.use(guest.spawn(shell(`${DHCPCD} -1 -4 -o ${asked} tap0`), { input: '' }))
  assert.equal((await program.finished).status, 0, program.describe())
  expectPrinted(program, {
    reason: 'BOUND',
    new_ip_address: '10.0.2.15',
    new_domain_name_servers: '10.0.2.3',
    new_domain_search: 'corp.example lab.example',
    new_interface_mtu: '1400',
    new_classless_static_routes: '0.0.0.0/0 10.0.2.2',
    new_dhcp_lease_time: '86400',
  })
  await expectConfigured(guest, '10.0.2.15', 1400)
})

e2e('dhclient -6: asks for DNS server and domains', async (scope) => {
  const guest = await start(scope)
  // It sends from the link-local address, once nobody else has that.
  const ready = 'while ip -6 addr show dev tap0 tentative | grep -q inet6; do sleep 0.1; done'
  const client = 'dhclient -6 -S -1 -v -lf /run/lease -pf /run/pid -sf /run/dhclient-hook tap0'
  const program = scope.use(guest.spawn(shell(`${ready}; ${client}`), { input: '' }))
  const { status, stderr } = await program.finished
  assert.equal(status, 0, program.describe())
  expectPrinted(program, { new_dhcp6_name_servers: 'fd00::3', new_dhcp6_domain_search: 'corp.example. lab.example.' })
  assert.match(stderr, /Reply message on tap0 from fe80::2\./)
})

e2e('dhcpcd -6: the router says that there is more to ask for', async (scope) => {
  const guest = await start(scope)
  const program = scope.use(guest.spawn(shell(`${DHCPCD} -6 -o dhcp6_name_servers,dhcp6_domain_search tap0`)))
  await program.line(/^done INFORM6$/m)
  expectPrinted(program, {
    new_dhcp6_name_servers: 'fd00::3',
    new_dhcp6_domain_search: 'corp.example lab.example',
    new_dhcp6_info_refresh_time: '86400',
  })
  assert.match(program.stderr, /requesting DHCPv6 information/)
})

e2e('--disable-dhcp: the router does not say that there is more to ask for', async (scope) => {
  const guest = await start(scope, '--disable-dhcp')
  const program = scope.use(guest.spawn(shell(`${DHCPCD} -1 -6 tap0`), { input: '' }))
  assert.equal((await program.finished).status, 0, program.describe())
  // RFC 8106: it says all there is by itself.
  expectPrinted(program, { reason: 'ROUTERADVERT', nd1_rdnss1_servers: 'fd00::3' })
  assert.doesNotMatch(program.stderr, /requesting DHCPv6 information/)
})

e2e('two clients behind a bridge have an address each', async (scope) => {
  const guest = await start(scope)
  const wire = 'ip link add br0 type bridge; ip link set tap0 master br0; ip link set br0 up'
  const client = (n: number): string =>
    `ip link add g${n} type veth peer name b${n}; ip link set b${n} master br0; ip link set b${n} up; ip link set g${n} up
    udhcpc -n -q -f -i g${n} -s /run/udhcpc-hook`
  const program = scope.use(guest.spawn(shell(`${wire}; ${client(1)}; ${client(2)}`), { input: '' }))
  assert.equal((await program.finished).status, 0, program.describe())
  expectPrinted(program, { ip: '10.0.2.15' })
  expectPrinted(program, { ip: '10.0.2.16' })
})

e2e('--disable-dhcp: nobody answers, and the sandbox has its address', async (scope) => {
  const guest = await start(scope, '--disable-dhcp')
  assert.match(await guest.must(['ip', '-o', '-4', 'addr', 'show', 'tap0']), /inet 10\.0\.2\.100\/24 /)
  const { status, stderr } = await guest.exec(shell('udhcpc -n -q -f -t 1 -T 1 -i tap0 -s /run/udhcpc-hook'))
  assert.equal(status, 1, stderr)
  assert.match(stderr, /no lease/)
})
