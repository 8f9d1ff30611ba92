/* What the load generators share: a clock, preallocated lists of latencies (of the first second of a fresh stack, and of what comes after it),
 * and the line of JSON they print at the end. */
#ifndef NETLOOM_BENCH_SAMPLES_H
#define NETLOOM_BENCH_SAMPLES_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 4 Mi samples of 4 bytes: a minute at 70,000 a second. What comes after is counted, not kept. */
#define SAMPLES_MAX (4u << 20)
/* Counted apart at the start: caches, JIT compilers and slow paths of every stack get the same time to warm up. */
#define WARM_UP_NS 1000000000ull

struct samples {
  uint32_t *ns;
  uint32_t kept;
  uint64_t count;
};

/* A limit is `5s` (seconds) or `10000` (rounds). */
struct limit {
  double seconds;
  uint64_t rounds;
};

static inline void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static inline void samples_open(struct samples *samples) {
  samples->ns = malloc(SAMPLES_MAX * sizeof(uint32_t));
  if (samples->ns == NULL) fail("malloc");
  memset(samples->ns, 1, SAMPLES_MAX * sizeof(uint32_t)); /* so that no page fault falls into the measurement */
  samples->kept = 0;
  samples->count = 0;
}

static inline void samples_add(struct samples *samples, uint64_t ns) {
  samples->count++;
  if (samples->kept < SAMPLES_MAX) samples->ns[samples->kept++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static inline int samples_compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* Nearest rank, in microseconds. */
static inline double samples_at(const struct samples *samples, double share) {
  if (samples->kept == 0) return 0;
  uint32_t rank = (uint32_t)(share * samples->kept);
  if (rank >= samples->kept) rank = samples->kept - 1;
  return samples->ns[rank] / 1e3;
}

static inline void samples_sort(struct samples *samples) {
  qsort(samples->ns, samples->kept, sizeof(uint32_t), samples_compare);
}

/* `first` is of the first second, `samples` of the seconds after it. */
static inline void samples_print(struct samples *first, struct samples *samples, double seconds, uint64_t failures) {
  samples_sort(first);
  samples_sort(samples);
  printf("{\"rounds\":%llu,\"failures\":%llu,\"seconds\":%.6f,\"perSecond\":%.3f,\"min\":%.3f,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f,",
         (unsigned long long)samples->count, (unsigned long long)failures, seconds, seconds > 0 ? (double)samples->count / seconds : 0,
         samples_at(samples, 0), samples_at(samples, 0.5), samples_at(samples, 0.9), samples_at(samples, 0.99), samples_at(samples, 0.999),
         samples_at(samples, 1));
  printf("\"firstPerSecond\":%.3f,\"firstP50\":%.3f,\"firstP99\":%.3f,\"firstMax\":%.3f}\n", (double)first->count / (WARM_UP_NS / 1e9),
         samples_at(first, 0.5), samples_at(first, 0.99), samples_at(first, 1));
}

static inline struct limit limit_parse(const char *text) {
  struct limit limit = {0, 0};
  char *end;
  double value = strtod(text, &end);
  if (*end == 's') limit.seconds = value;
  else limit.rounds = (uint64_t)value;
  if (value <= 0) errno = EINVAL, fail("limit");
  return limit;
}

static inline int limit_reached(const struct limit *limit, uint64_t rounds, uint64_t elapsed_ns) {
  return limit->rounds ? rounds >= limit->rounds : (double)elapsed_ns >= limit->seconds * 1e9;
}

static inline struct sockaddr_in address_parse(const char *host, const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) errno = EINVAL, fail(host);
  return address;
}

#endif
