/* Maps of many IDs, written by a process that stays outside: to be prepared before this one is inside. */
#ifndef NETLOOM_IDMAP_H
#define NETLOOM_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

struct Options;

typedef struct {
  pid_t process;
  int gate;
} Mapper;

/*
 * `proc`: in which this process can be seen; `is_inner`: of the second of two user namespaces, whose IDs are the first
 * one's.
 */
void idmap_prepare(const struct Options *options, int proc, bool is_inner, Mapper *mapper);
void idmap_write(const struct Options *options, const Mapper *mapper);

#endif
