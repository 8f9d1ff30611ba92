/*
 * What an ordinary user can do about files without a namespace: Landlock (landlock(7), Linux 5.13). Nothing can be opened, made, changed or
 * removed but what the rules name, no process outside be looked into; no abstract socket outside be spoken to, nor any process there be sent a
 * signal (Linux 6.12). It does not govern stat(2), sockets of the network, nor what is open already.
 *
 * A rule is a line, "read PATH", or "unlink PATH" or "rmdir PATH", which take files or folders away: of what is below the path. One that is not
 * there is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hardening.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* linux/landlock.h, of which the installed one may be too old. */
struct ruleset {
  uint64_t files, net, scoped;
};
struct path_beneath {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));
#define VERSION_FLAG 1
#define RULE_PATH_BENEATH 1
#define READ_FILE (1 << 2)
#define READ_DIR (1 << 3)
#define REMOVE_DIR (1 << 4)
#define REMOVE_FILE (1 << 5)
#define SCOPE_ABSTRACT_SOCKETS 1
#define SCOPE_SIGNALS 2
/* How many kinds of access to files each version knows, from 1 on. */
static const int FILE_RIGHTS[] = {13, 14, 15, 15, 16};
#define FILE_VERSIONS ((int)(sizeof FILE_RIGHTS / sizeof *FILE_RIGHTS))
#define SCOPED_VERSION 6

static const struct {
  const char *name;
  uint64_t allowed;
} KINDS[] = {{"read", READ_FILE | READ_DIR}, {"unlink", REMOVE_FILE}, {"rmdir", REMOVE_DIR}};

static int create_ruleset(void) {
  const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);
  if (version < 0) return -errno;
  const int rights = FILE_RIGHTS[(version > FILE_VERSIONS ? FILE_VERSIONS : version) - 1];
  const struct ruleset ruleset = {.files = (UINT64_C(1) << rights) - 1, .scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS};
  const size_t size = version >= SCOPED_VERSION ? sizeof ruleset : sizeof ruleset.files;
  const long descriptor = syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
  return descriptor < 0 ? -errno : (int)descriptor;
}

static int add_rule(int ruleset, const char *kind, const char *path) {
  struct stat found;
  struct path_beneath rule = {.allowed = 0};
  for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
    if (strcmp(kind, KINDS[i].name) == 0) rule.allowed = KINDS[i].allowed;
  rule.parent = open(path, O_PATH | O_CLOEXEC);
  if (rule.parent < 0 || fstat(rule.parent, &found) < 0) return errno == ENOENT || errno == EACCES ? 0 : -errno;
  if (!S_ISDIR(found.st_mode)) rule.allowed &= READ_FILE;
  const int error = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
  close(rule.parent);
  return error;
}

static int add_rules(int ruleset, const char *rules) {
  char line[PATH_MAX + 16];
  for (const char *at = rules; *at != '\0';) {
    const size_t length = strcspn(at, "\n");
    if (length >= sizeof line) return -ENAMETOOLONG;
    memcpy(line, at, length);
    line[length] = '\0';
    char *space = strchr(line, ' ');
    if (space == NULL) return -EINVAL;
    *space = '\0';
    const int error = add_rule(ruleset, line, space + 1);
    if (error < 0) return error;
    at += length + (at[length] == '\n');
  }
  return 0;
}

/* On each thread; in a signal handler on all but one. */
static int restrict_thread(const void *argument) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
  return syscall(SYS_landlock_restrict_self, *(const int *)argument, 0) < 0 ? -errno : 0;
}

int landlock_install(const char *rules) {
  const int ruleset = create_ruleset();
  if (ruleset < 0) return ruleset;
  int error = add_rules(ruleset, rules);
  if (error == 0) error = threads_each(restrict_thread, &ruleset);
  close(ruleset);
  return error;
}
