/*
 * Waiting a little for what comes soon, instead of going to sleep for it: a request and its response are some ten microseconds apart, and to be
 * woken takes half as long. As KVM does for its guests (Documentation/virt/kvm/halt-polling.rst) the time is found out, not set:
 *
 *     asleep for less than LONGEST before the next event    it would have been worth while: wait that long, and as long again
 *     waited in vain                                        no more waiting for BACKOFF, twice as long each time, up to BACKOFF_MAX
 *
 * So an idle network sleeps, one whose peers need the processor to go on is soon left to sleep, and a bulk transfer never gets here.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include "context.h"

/* ns */
#define LONGEST 50000
#define SHORTEST 5000
#define BACKOFF 1000000
#define BACKOFF_MAX 64000000

static int64_t clock_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Something is ready, after a sleep or not. */
void busy_poll_woken(BusyPoll *poll) {
  if (poll->slept_at == 0) return;
  const int64_t gap = clock_ns() - poll->slept_at;
  poll->slept_at = 0;
  if (gap >= LONGEST) return;
  poll->wait = gap * 2 > LONGEST ? LONGEST : gap * 2 < SHORTEST ? SHORTEST : gap * 2;
}

/* Nothing is ready: events that come while it is worth while to wait for them, else 0, and the caller goes to sleep. */
int busy_poll_wait(BusyPoll *poll, int epoll, struct epoll_event *events, int max) {
  int64_t time = clock_ns();
  if (poll->wait == 0 || time < poll->not_before) {
    poll->slept_at = time;
    return 0;
  }
  const int64_t deadline = time + poll->wait;
  do {
    const int count = epoll_wait(epoll, events, max, 0);
    if (count != 0) {
      poll->backoff = 0;
      return count;
    }
    time = clock_ns();
  } while (time < deadline);
  poll->backoff = poll->backoff == 0 ? BACKOFF : poll->backoff * 2 > BACKOFF_MAX ? BACKOFF_MAX : poll->backoff * 2;
  poll->not_before = time + poll->backoff;
  poll->wait = 0;
  poll->slept_at = time;
  return 0;
}
