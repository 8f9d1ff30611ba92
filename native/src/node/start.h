/* How every program of ours becomes Node. */
#ifndef NETLOOM_START_H
#define NETLOOM_START_H

#include <limits.h>

/* The folder that this program is in, wherever it is started from, without a final slash. 0, or -errno. */
int start_folder(char folder[PATH_MAX]);

/* Becomes Node with this script of that folder. Both lists end with NULL. -errno when Node cannot be executed. */
int start_node(const char *folder, const char *script, char *const *arguments, char *const *environment);

#endif
