/* Maps of many IDs, written by a process that stays outside: to be prepared before this one is inside. */
#ifndef NETLOOM_IDMAP_H
#define NETLOOM_IDMAP_H

#include <sys/types.h>

struct Options;

typedef struct {
  pid_t process;
  int gate;
} Mapper;

void idmap_prepare(const struct Options *options, Mapper *mapper);
void idmap_write(const struct Options *options, const Mapper *mapper);

#endif
