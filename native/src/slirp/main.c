/*
 * netloom-slirp4netns: takes the place of slirp4netns, whose options, lines and exit statuses it has. This program does what may not
 * wait for Node, which takes 40 ms to start and far longer on a busy machine: arguments and their errors, --help and --version, the API socket,
 * and an interface that is there and configured. Then it becomes Node, with the same pid and descriptors:
 *
 *     arguments        an error ends here
 *     API socket       listens; whoever connects waits for Node
 *     TAP              a child enters the namespaces, makes it, hands it over and ends; what the guest sends waits in it
 *     banner
 *     exec             node slirp4netns.cjs tap=7 api=5 ready=4 ... (src/cli/slirp4netns.ts)
 *
 * Whoever starts us looks at the interface 20 ms after it has appeared, and at the socket then too: hence this order.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slirp.h"

/* 0, 1 and 2 are open, so that no socket of ours becomes somebody's standard output. */
static void open_standard_streams(void) {
  for (int descriptor = open("/dev/null", O_RDWR | O_CLOEXEC); descriptor >= 0; descriptor = open("/dev/null", O_RDWR | O_CLOEXEC)) {
    if (descriptor <= STDERR_FILENO) {
      fcntl(descriptor, F_SETFD, 0);
      continue;
    }
    close(descriptor);
    return;
  }
}

/* One that is not open is told from those that we open ourselves only now. */
static void check_descriptor(int *descriptor) {
  if (*descriptor >= 0 && fcntl(*descriptor, F_GETFD) < 0) *descriptor = CLOSED;
}

static int open_api(const char *path) {
  const char *step = "";
  const int descriptor = socket_file_listen(path, SOCK_STREAM, &step);
  if (descriptor >= 0) return descriptor;
  if (errno == ENAMETOOLONG)
    fprintf(stderr, "the specified API socket path is too long (>= %d)\n", SOCKET_PATH_MAX);
  else
    fprintf(stderr, "api_bindlisten: %s: %s\n", step, strerror(errno));
  fputs("do_slirp is exiting\ndo_slirp failed\nparent failed\n", stderr);
  exit(1);
}

int main(int argc, char **argv) {
  Settings settings;
  Tap tap;
  open_standard_streams();
  arguments_parse(&settings, argc, argv);
  settings_resolve(&settings);
  check_descriptor(&settings.exit_descriptor);
  check_descriptor(&settings.ready_descriptor);
  fflush(stdout);
  signal(SIGPIPE, SIG_IGN);
  const int api = settings.api_path == NULL ? -1 : open_api(settings.api_path);
  target_open(&settings, &tap);
  banner_print(&settings);
  fflush(stdout);
  if (settings.exit_descriptor == CLOSED) {
    if (settings.ready_descriptor >= 0 && write(settings.ready_descriptor, "1", 1) < 0) errno = 0; /* Nobody waits. */
    fputs("exitfd event\ndo_slirp is exiting\n", stderr);
    return 0;
  }
  node_exec(&settings, &tap, api);
}
