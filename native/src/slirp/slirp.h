/*
 * What the files of netloom-slirp4netns share. It has one thread and becomes Node at the end; until then a step that fails says so as
 * slirp4netns does, and ends the process.
 */
#ifndef NETLOOM_SLIRP_H
#define NETLOOM_SLIRP_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "../launcher.h"

/* sun_path of sockaddr_un, the final zero included (bytes). */
#define SOCKET_PATH_MAX 108

typedef enum { BY_PID, BY_PATH, BY_TAP, BY_BESS } TargetKind;

typedef struct {
  const char *program; /* argv[0] */
  TargetKind kind;
  int pid;           /* BY_PID */
  const char *path;  /* BY_PATH: the namespace; BY_BESS: the socket */
  const char *userns;
  int tap;           /* BY_TAP */
  const char *ifname;
  bool configures, has_ipv6, has_sandbox, has_seccomp, has_host_loopback, has_dns;
  int exit_descriptor, ready_descriptor; /* -1: none. Not open: CLOSED. */
  int mtu;
  const char *api_path; /* NULL: none */
  const char *cidr, *mac_text, *outbound_text, *outbound6_text; /* NULL: not given */
  /* Worked out by settings_resolve(): */
  struct in_addr network, netmask;
  int prefix;
  bool has_outbound, has_outbound6;
  struct in_addr outbound;
  struct in6_addr outbound6;
  unsigned char mac[6];
} Settings;

/* A descriptor that was named and is not open. */
#define CLOSED (-2)

/* arguments.c: ends the process where slirp4netns would. */
void arguments_parse(Settings *settings, int argc, char **argv);

/* usage.c: on standard output, as slirp4netns has it. */
void usage_print(const char *program);
void version_print(void);

/* addresses.c */
void settings_resolve(Settings *settings);
/* Address `number` of the network. */
struct in_addr settings_address(const Settings *settings, unsigned number);

/* socket_file.c: a listening socket of a fresh file that goes when this process ends, however it does; -1 and errno. */
int socket_file_listen(const char *path, int type, const char **step);

/* target.c: the TAP of the target, or what is used in its place. */
void target_open(const Settings *settings, Tap *tap);

/* banner.c */
void banner_print(const Settings *settings);

/* harden.c: the descriptor of the warden, -1 when nothing is to be hardened. Last before Node: little can be done afterwards. */
int harden_prepare(const Settings *settings);

/* node.c */
_Noreturn void node_exec(const Settings *settings, const Tap *tap, int api);

#endif
