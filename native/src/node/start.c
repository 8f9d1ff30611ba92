/*
 * Becoming Node, without its debugger. At SIGUSR1, and from its first instants, Node opens a debugger on the loopback of the host. A sandbox has
 * our uid, so it may send the signal, and may reach that address: it could run what it likes in this process. Before JavaScript runs, only
 * arguments help:
 *
 *     --inspect-port=[ff00::]:0   every Node. A socket of TCP cannot be bound to a multicast address of IPv6, whatever the settings of the machine
 *                                 (Linux, net/ipv6/af_inet6.c: EINVAL). Node says so on standard error at the signal, and goes on.
 *     --disable-sigusr1           Node 22.14 and later; an older one ends at an argument that it does not know
 *
 * NETLOOM_NODE, beside this program, is the Node that it was built with (a link, .config/link-node.mjs); where that is gone the one of
 * PATH has to do. KNOWN_FILE is there when that Node knows the second argument. The file holds the size and the time of the Node that was tried,
 * for the link may lead to another one since.
 *
 * NODE_OPTIONS can open a debugger too. The caller leaves that variable out of the environment. src/host/debugger.ts does the rest.
 */
#include "start.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NETLOOM_NODE "node"
#define KNOWN_FILE "node.disables-sigusr1"

/* The program, two arguments for Node, the script, and the NULL at the end. */
#define OWN_ARGUMENTS 5

static char no_address[] = "--inspect-port=[ff00::]:0";
static char no_signal[] = "--disable-sigusr1";

int start_folder(char folder[PATH_MAX]) {
  const ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
  if (length < 0) return -errno;
  folder[length] = '\0';
  *strrchr(folder, '/') = '\0';
  return 0;
}

/* Whether the Node at this path is the one that was tried, and knows --disable-sigusr1. */
static bool knows_signal(const char *folder, const char *node) {
  char path[PATH_MAX];
  struct stat found;
  long long size = -1, time = -1;
  if (snprintf(path, sizeof path, "%s/" KNOWN_FILE, folder) >= (int)sizeof path || stat(node, &found) < 0) return false;
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  const bool is_read = fscanf(file, "%lld %lld", &size, &time) == 2;
  fclose(file);
  return is_read && size == (long long)found.st_size && time == (long long)found.st_mtim.tv_sec;
}

int start_node(const char *folder, const char *script, char *const *arguments, char *const *environment) {
  char node[PATH_MAX], path[PATH_MAX];
  size_t count = 0, given = 0;
  while (arguments[given] != NULL) given++;
  if (snprintf(node, sizeof node, "%s/" NETLOOM_NODE, folder) >= (int)sizeof node) return -ENAMETOOLONG;
  if (snprintf(path, sizeof path, "%s/%s", folder, script) >= (int)sizeof path) return -ENAMETOOLONG;
  char **values = malloc((OWN_ARGUMENTS + given) * sizeof *values);
  if (values == NULL) return -ENOMEM;
  const bool has_no_signal = knows_signal(folder, node);
  values[count++] = node;
  values[count++] = no_address;
  if (has_no_signal) values[count++] = no_signal;
  values[count++] = path;
  memcpy(values + count, arguments, (given + 1) * sizeof *values);
  execve(node, values, environment);
  /* Nothing is known of another one. */
  if (has_no_signal) memmove(values + 2, values + 3, (given + 2) * sizeof *values);
  execvpe("node", values, environment);
  const int error = errno;
  free(values);
  return -error;
}
