/*
 * What hardens this process while it runs, all of its threads, for good.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "../context.h"
#include "hardening.h"

/* Longest text of rules (bytes). */
#define RULES_MAX 65536

static int reduce(const void *kept) {
  const int error = capabilities_no_new_privileges();
  return error < 0 ? error : capabilities_reduce(*(const uint64_t *)kept);
}

/* capabilitiesDrop(): all but KEPT_CAPABILITIES, and no way to gain any. */
static int32_t capabilities_drop(Context *context, const int32_t *argument) {
  static const uint64_t kept = KEPT_CAPABILITIES;
  (void)context, (void)argument;
  return threads_each(reduce, &kept);
}

/* tracingRefuse(): nobody without CAP_SYS_PTRACE may trace this process or open its memory, whoever it is. Leaves no core dump, too. */
static int32_t tracing_refuse(Context *context, const int32_t *argument) {
  (void)context, (void)argument;
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* landlockInstall(at, length): the rules as text in the arena. */
static int32_t landlock(Context *context, const int32_t *argument) {
  static char rules[RULES_MAX];
  const void *text = arena_range(context, argument[0], argument[1]);
  if (text == NULL) return -EFAULT;
  if (argument[1] >= RULES_MAX) return -EMSGSIZE;
  memcpy(rules, text, (size_t)argument[1]);
  rules[argument[1]] = '\0';
  return landlock_install(rules);
}

/* seccompInstall() */
static int32_t seccomp(Context *context, const int32_t *argument) {
  (void)context, (void)argument;
  return seccomp_install();
}

const Method hardening_methods[] = {
    {"capabilitiesDrop", 0, capabilities_drop},
    {"landlockInstall", 2, landlock},
    {"tracingRefuse", 0, tracing_refuse},
    {"seccompInstall", 0, seccomp},
    {NULL, 0, NULL},
};
