/*
 * netloom: the program that people start. It is Node with `main.cjs`, which lies beside it; all that this program does is to become that
 * (../node/start.c). A script that starts with `#!/usr/bin/env node` could not give Node an argument.
 *
 * NODE_OPTIONS is meant for the command that netloom runs, not for netloom. It is handed on under another name, and the first lines of
 * JavaScript give it its own again (src/cli/cached.ts).
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../hardening/hardening.h"
#include "../node/start.h"

#define OPTIONS "NODE_OPTIONS="
#define HANDED_ON "NETLOOM_NODE_OPTIONS="

extern char **environ;

/* True when `variable` begins with NAME=. */
static int is_named(const char *variable, const char *name) {
  return strncmp(variable, name, strlen(name)) == 0;
}

/* The environment with NODE_OPTIONS under its other name; NULL when there is no memory. */
static char **own_environment(void) {
  size_t count = 0, kept = 0;
  while (environ[count] != NULL) count++;
  char **variables = malloc((count + 1) * sizeof *variables);
  if (variables == NULL) return NULL;
  for (size_t i = 0; i < count; i++) {
    if (is_named(environ[i], HANDED_ON)) continue;
    variables[kept] = environ[i];
    if (is_named(environ[i], OPTIONS) && asprintf(&variables[kept], HANDED_ON "%s", environ[i] + strlen(OPTIONS)) < 0) return NULL;
    kept++;
  }
  variables[kept] = NULL;
  return variables;
}

/*
 * Commands that start no program of the user's, which a filter would go with: Node makes no ring of io_uring for those (../hardening/rings.c). A kernel that
 * has no filters goes on without.
 */
static bool starts_nobody(char **arguments) {
  if (arguments[0] == NULL || (strcmp(arguments[0], "attach") != 0 && strcmp(arguments[0], "oci-hook") != 0)) return false;
  for (char **argument = arguments; *argument != NULL; argument++)
    if (strcmp(*argument, "--no-seccomp") == 0) return false;
  return true;
}

int main(int argc, char **argv) {
  static char *none[] = {NULL};
  char folder[PATH_MAX];
  char **environment = own_environment();
  if (environment == NULL) {
    fputs("netloom: there is no memory\n", stderr);
    return 1;
  }
  if (argc > 1 && starts_nobody(argv + 1)) rings_refuse();
  int error = start_folder(folder);
  if (error == 0) error = start_node(folder, "main.cjs", argc > 0 ? argv + 1 : none, environment);
  fprintf(stderr, "netloom: Node.js cannot be started: %s: install Node.js 20.19 or later, so that `node` is found\n", strerror(-error));
  return 1;
}
