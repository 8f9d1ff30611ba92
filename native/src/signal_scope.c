/*
 * The command and what it starts send signals to each other alone (landlock(7), LANDLOCK_SCOPE_SIGNAL, Linux 6.12):
 * kill(0) reaches the process group, which is the user's, and netloom's, since a terminal knows groups alone. Where the
 * kernel has no such scope they share that.
 */
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif
#define SCOPE_SIGNAL 2

void signal_scope_enter(void) {
  const struct {
    uint64_t files, net, scoped;
  } ruleset = {.scoped = SCOPE_SIGNAL};
  const int descriptor = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
  if (descriptor < 0) return;
  /* By CAP_SYS_ADMIN, which we still have: the command may gain privileges as ever. */
  syscall(SYS_landlock_restrict_self, descriptor, 0);
  close(descriptor);
}
