/* A message between two of our processes, and a descriptor with it: SCM_RIGHTS, see unix(7). */
#ifndef NETLOOM_PASS_H
#define NETLOOM_PASS_H

#include <stddef.h>
#include <sys/types.h>

/* Sends one message; `pass` is the descriptor that goes along, -1 for none; ours stays open. Returns the bytes sent, or -errno. */
int pass_send(int channel, const void *bytes, size_t length, int pass, int flags);

/*
 * Waits for one message, as text of at most `size` bytes with its final zero. *pass is the descriptor that came along, which closes on exec, or -1.
 * Returns the bytes, 0 at the end of the channel, or -1 and errno.
 */
ssize_t pass_receive(int channel, char *text, size_t size, int *pass);

#endif
