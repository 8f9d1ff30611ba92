/* A message between two of our processes, and a descriptor with it: SCM_RIGHTS, see unix(7). */
#ifndef NETLOOM_PASS_H
#define NETLOOM_PASS_H

#include <stddef.h>

/* Sends one message; `pass` is the descriptor that goes along, -1 for none; ours stays open. Returns the bytes sent, or -errno. */
int pass_send(int channel, const void *bytes, size_t length, int pass, int flags);

#endif
