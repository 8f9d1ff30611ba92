/* Process 1 of a PID namespace, as the supervisor knows it. */
#ifndef NETLOOM_INIT_H
#define NETLOOM_INIT_H

#include <sys/types.h>

#include "views.h"

typedef struct {
  pid_t process;
  int lifeline; /* Its end is process 1's. */
} Init;

/*
 * Makes a PID namespace with a /proc, for the children of the caller from then on. 0, or an errno: the kernel refuses
 * that, and everything is as it was. By descriptors in /proc/self the caller finds nothing any more.
 */
struct Options;
int init_start(const struct Options *options, const Views *views, Init *init);
/* The command has ended. */
void init_tell(const Init *init);

#endif
