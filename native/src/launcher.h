/*
 * What the files of the launcher share. It is single-threaded and short-lived: a step that fails reports itself over the
 * channel and ends the process, so a function that returns has succeeded.
 */
#ifndef NETLOOM_LAUNCHER_H
#define NETLOOM_LAUNCHER_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

#include "idmap.h"
#include "init.h"

typedef struct Options {
  bool is_run; /* run, else attach */
  bool is_warden; /* or that: then only channel, netns and command_process are of use */
  char *title; /* Where ps(1) reads our name and arguments, */
  size_t title_size; /* so many bytes. */
  int channel; /* --socket: our end of the SOCK_SEQPACKET pair */
  /* Of the interface: */
  char ifname[IFNAMSIZ];
  int mtu;
  bool cuts_segments; /* --offload: the kernel inside cuts what it sends, frames are no longer than the MTU */
  bool has_plain_flags; /* up and running alone, which takes MULTICAST away: of slirp4netns */
  struct in_addr address, netmask, gateway;
  int prefix6; /* 0: no IPv6 */
  struct in6_addr address6, gateway6;
  bool has_mac;
  unsigned char mac[6];
  /* Of run: */
  const char *dns;    /* NULL: resolv.conf is left alone. */
  const char *search; /* Names for it, with spaces between; NULL: none. */
  const char *resolver_options; /* Its options, likewise. */
  bool maps_root;
  const char *uid_map, *gid_map; /* --map=auto: INSIDE:OUTSIDE:COUNT,... ; else NULL */
  const char *uid_helper, *gid_helper; /* Programs that write those; NULL: we may ourselves. */
  bool has_own_processes; /* --processes=own: PID, IPC and UTS namespaces, and a supervisor */
  int open_files; /* --open-files: the soft limit of the command; -1: ours */
  char **command;
  /* Of attach: */
  int pid; /* 0: by path */
  const char *netns, *userns;
  int command_process; /* Of warden: a pidfd of the command; -1: none */
} Options;

typedef struct {
  int descriptor;
  bool vnet, csum, tso, uso;
} Tap;

/* options.c: exits with status 2 and a line on stderr when the arguments are wrong. */
void options_parse(Options *options, int argc, char **argv);

/* channel.c */
_Noreturn void channel_fail(const Options *options, const char *step, int error);
void channel_warn(const Options *options, const char *step, int error);
void channel_send_tap(const Options *options, const Tap *tap);
void channel_send_socket(const Options *options, const char *name, int descriptor);
void channel_send_exec(const Options *options, int error);
void channel_await_go(const Options *options);
/* Of the supervisor: which process is the command, and that it runs. */
void channel_send_command(const Options *options, pid_t process);
void channel_send_runs(const Options *options);

/* namespace.c */
/*
 * A user namespace, and others (CLONE_NEWNET ...). `proc` is a /proc in which we can be seen; `mapper` was
 * prepared before, where there are maps.
 */
void namespace_create(const Options *options, int proc, int flags, const Mapper *mapper);
/* Others, of the user namespace that we are in. */
void namespace_unshare(const Options *options, int flags);
/* Of the target: the network namespace, and the user namespace that owns it, -1 for one that cannot be had. */
void namespace_open(const Options *options, int *net, int *user);
void namespace_join(const Options *options);

/* netlink.c: a socket that hears the kernel alone; -1 and errno. */
int netlink_open(int flags, int protocol);

/* interface6.c */
void interface6_configure(const Options *options);

/* supervisor.c */
_Noreturn void supervisor_serve(const Options *options, const Tap *tap, const Init *init);

/* descriptors.c: closes all but these, which become 0, 1, 2 ... (a negative one is none). Returns the first. */
int descriptors_keep(int *kept, int count);

/*
 * Another name in the place of our arguments, which the command's are among. Nothing of `options` is text from then on.
 */
void options_rename(const Options *options, const char *name);

/* signal_scope.c */
void signal_scope_enter(void);

/* sandbox.c */
void sandbox_mounts(const Options *options);
_Noreturn void sandbox_exec(const Options *options);

/* seeds.c */
void seeds_send(const Options *options);

/* interface.c */
void interface_open(const Options *options, Tap *tap);
/* The first half of that, and the second. */
void interface_open_tap(const Options *options, Tap *tap);
void interface_configure(const Options *options);
/* Looks at a TAP that is open already, and switches on what it allows. Another kind of file: nothing. */
void interface_adopt(Tap *tap);
void interface_ping_group(const Options *options, gid_t group);
void interface_low_ports(const Options *options);

#endif
