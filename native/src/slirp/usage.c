/*
 * --help and --version. Callers look for options in the first, and read `NAME version X` and `commit: Y` in the second; the numbers are
 * those of the slirp4netns whose place this takes.
 */
#include <stdio.h>

#include "slirp.h"

#define SLIRP4NETNS_VERSION "1.3.1"
/* Of libslirp's interface: callers ask for 3 at least. */
#define CONFIG_VERSION_MAX 4

void usage_print(const char *program) {
  printf("Usage: %s [OPTION]... PID|PATH|FD [TAPNAME]\n", program);
  fputs("User-mode networking for unprivileged network namespaces.\n"
        "\n"
        "-c, --configure          bring up the interface\n"
        "-e, --exit-fd=FD         specify the FD for terminating slirp4netns\n"
        "-r, --ready-fd=FD        specify the FD to write to when the network is configured\n"
        "-m, --mtu=MTU            specify MTU (default=1500, max=65521)\n"
        "-6, --enable-ipv6        enable IPv6\n"
        "-a, --api-socket=PATH    specify API socket path\n"
        "--cidr=CIDR              specify network address CIDR (default=10.0.2.0/24)\n"
        "--disable-host-loopback  prohibit connecting to 127.0.0.1:* on the host namespace\n"
        "--netns-type=TYPE        specify network namespace type ([path|pid|tapfd], default=pid)\n"
        "--userns-path=PATH       specify user namespace path\n"
        "--enable-sandbox         create a new mount namespace (and drop all caps except CAP_NET_BIND_SERVICE if running as the root)\n"
        "--enable-seccomp         enable seccomp to limit syscalls\n"
        "--outbound-addr=IPv4     sets outbound ipv4 address to bound to, or the interface that has it\n"
        "--outbound-addr6=IPv6    sets outbound ipv6 address to bound to, or the interface that has it\n"
        "--disable-dns            disables 10.0.2.3 (or configured internal ip) to host dns redirect\n"
        "--macaddress=MAC         specify the MAC address of the TAP (only valid with -c)\n"
        "--target-type=TYPE       specify the target type ([netns|bess], default=netns)\n"
        "-h, --help               show this help and exit\n"
        "-v, --version            show version and exit\n",
        stdout);
}

void version_print(void) {
  printf("slirp4netns version %s\n"
         "commit: netloom-%s\n"
         "libslirp: none (netloom %s)\n"
         "SLIRP_CONFIG_VERSION_MAX: %d\n"
         "libseccomp: none (netloom %s)\n",
         SLIRP4NETNS_VERSION, NETLOOM_VERSION, NETLOOM_VERSION, CONFIG_VERSION_MAX, NETLOOM_VERSION);
}
