/*
 * netloom-launcher: makes or joins network namespaces, and leaves a configured TAP in them. See README.md in native/,
 * user_namespaces(7), network_namespaces(7) and setns(2).
 *
 *     netloom-launcher run    --socket=FD INTERFACE [--dns=A [--search=NAMES] [--resolver-options=WORDS]]
 *                             [--open-files=N] [--processes=own] --map=root|current [IDS] -- COMMAND [ARG...]
 *     netloom-launcher attach --socket=FD INTERFACE (--pid=N | --netns=PATH [--userns=PATH])
 *     netloom-launcher warden --socket=FD --netns=PATH [--command=FD]
 *                             (hardening/warden.c, of a process that has no mount namespace of its own; FD: a pidfd)
 *     IDS: --uid-map=INSIDE:OUTSIDE:COUNT,... --gid-map=... [--uid-helper=newuidmap --gid-helper=newgidmap]
 *     INTERFACE: --ifname=tap0 --mtu=N --address=A --prefix=N --gateway=A [--offload=checksum] [--mac=M]
 *
 * It is a program of its own because a user namespace can be entered only by a process with one thread, which Node never
 * is. At the end `run` starts COMMAND in a PID namespace of its own and ends as that does (--processes=own,
 * supervisor.c), or becomes COMMAND: so Node sees its exit status.
 *
 *     launcher                                        Node
 *     namespaces, mounts, TAP, addresses, lo
 *     socket tcp, socket tcp, socket diag  + descriptor each  ->  (seeds.c)
 *     tap vnet=1 csum=1 tso=1 uso=1  + descriptor  ->  starts the stack
 *                                                  <-  go
 *     exec COMMAND                                    (run only; attach ends with status 0)
 *
 * With --processes=own `command PID` comes before `tap`, and when the command runs the channel stays open:
 * supervisor.c.
 *
 * Instead: `error STEP ERRNO` and status 1; `exec ERRNO` and status 127 or 126. Before: `warn STEP ERRNO`, and it goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hardening/hardening.h"
#include "launcher.h"

static void attach(const Options *options) {
  Tap tap;
  namespace_join(options);
  interface_open(options, &tap);
  seeds_send(options);
  channel_send_tap(options, &tap);
}

/*
 * Two user namespaces, one in the other: the first owns the mounts that cover what is the host's (resolv.conf; /proc and
 * message queues, views.c), the second everything that the command may change. So the kernel does not let its root take
 * those mounts away, and look below. True: there is a process 1. Else the kernel gives the sandbox no /proc of its own,
 * and it has processes in common with the host.
 */
static bool enter_both(const Options *options, int proc, Init *init) {
  Mapper mapper;
  Views views;
  if (options->uid_map != NULL) idmap_prepare(options, proc, false, &mapper);
  namespace_create(options, proc, CLONE_NEWNS, &mapper);
  sandbox_mounts(options);
  views_prepare(options, proc, &views);
  if (options->uid_map != NULL) idmap_prepare(options, proc, true, &mapper);
  namespace_create(options, proc, CLONE_NEWIPC | CLONE_NEWUTS, &mapper);
  const int error = init_start(options, &views, init);
  if (error != 0) channel_warn(options, "proc", error);
  namespace_unshare(options, CLONE_NEWNS | CLONE_NEWNET);
  return error == 0;
}

static void enter_one(const Options *options, int proc) {
  Mapper mapper;
  if (options->uid_map != NULL) idmap_prepare(options, proc, false, &mapper);
  namespace_create(options, proc, CLONE_NEWNS | CLONE_NEWNET, &mapper);
  sandbox_mounts(options);
}

static _Noreturn void run(const Options *options) {
  const gid_t group = options->maps_root ? 0 : getegid();
  const int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  bool has_init = false;
  Init init;
  Tap tap;
  if (proc < 0) channel_fail(options, "uidmap", errno);
  if (options->has_own_processes)
    has_init = enter_both(options, proc, &init);
  else
    enter_one(options, proc);
  close(proc);
  /* Without Node there is no network; its end of the channel tells when it had gone before this call. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  interface_ping_group(options, group);
  interface_low_ports(options);
  interface_open(options, &tap);
  seeds_send(options);
  if (has_init) supervisor_serve(options, &tap, &init);
  channel_send_tap(options, &tap);
  close(tap.descriptor);
  channel_await_go(options);
  if (options->has_own_processes) signal_scope_enter();
  sandbox_exec(options);
}

static _Noreturn void warden(const Options *options) {
  struct stat netns = {.st_ino = 0}; /* Of a namespace that has gone there is no process. */
  if (stat(options->netns, &netns) < 0) memset(&netns, 0, sizeof netns);
  const WardenDuty duty = {.channel = options->channel, .device = netns.st_dev, .inode = netns.st_ino, .command = options->command_process};
  warden_serve(&duty);
}

int main(int argc, char **argv) {
  Options options;
  options_parse(&options, argc, argv);
  if (options.is_warden) warden(&options);
  if (options.is_run) run(&options);
  attach(&options);
  return 0;
}
