/* What a sandbox sees of its namespaces by files: mounted by a process that stays in the outer user namespace. */
#ifndef NETLOOM_VIEWS_H
#define NETLOOM_VIEWS_H

#include <sys/types.h>

struct Options;

typedef struct {
  pid_t process;
  int gate;
} Views;

/* In the outer user namespace. `proc`: in which this process and its children can be seen. */
void views_prepare(const struct Options *options, int proc, Views *views);
/* Of the namespaces of that process. 0, or an errno. */
int views_mount(const Views *views, pid_t process);

#endif
