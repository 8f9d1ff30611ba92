/* Datagrams at a rate, or as fast as they go, one way; what counts is what arrives.
 *
 *   udp-blast server ADDRESS PORT
 *   udp-blast client ADDRESS PORT up|down SIZE SOCKETS RATE SECONDS      RATE: datagrams a second, 0: no limit
 *
 * The client's HELLO says what it wants; for `down` each of its sockets says it, so that whatever is between knows where the server's
 * datagrams belong. One side sends DATA for the warm-up and for SECONDS, then END until the other side is heard of no more or has
 * REPORTed. Only DATA of the second phase counts: its sequence numbers tell what was lost, and what came behind a later one. Datagrams leave
 * by sendmmsg, 32 at a time, each by itself: no segmentation offload, which few programs ask for. */
#define _GNU_SOURCE
#include "samples.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX 64
#define SIZE_MAX_BYTES 65507
#define SEND_BATCH 32
#define RECEIVE_BATCH 64
#define RECEIVE_BUFFER (4 << 20) /* as far as rmem_max lets it */
#define AGAIN_NS 20000000ull      /* between two HELLOs, two ENDs */
#define LINGER_NS 100000000ull    /* what is still on its way behind the first END */
#define GIVE_UP_NS 10000000000ull /* nothing was heard at all */
#define DONE_NS 200000000ull      /* a server that has reported hears no more of its client */

enum { HELLO = 1, DATA, END, REPORT };

struct head {
  uint8_t kind, counts;
  uint16_t socket;
  uint32_t size, sockets, rate; /* of a HELLO: what is wanted */
  uint64_t sequence;            /* of DATA; of an END how many were sent, of a REPORT how many came */
  uint64_t ns;                  /* of a HELLO how long, of an END how long it was, of a REPORT how many were late */
};

struct plan {
  uint32_t size, sockets, rate;
  uint64_t ns;
};

struct tally {
  uint64_t received, late, highest[SOCKETS_MAX];
};

static char memory[RECEIVE_BATCH * (SIZE_MAX_BYTES + 64)];
static size_t stride = SIZE_MAX_BYTES + 64; /* Buffers lie side by side, in few cache lines when datagrams are small. */
static struct sockaddr_in names[RECEIVE_BATCH];

static char *buffer(int i) { return memory + (size_t)i * stride; }

static struct head *head_of(int i) { return (struct head *)buffer(i); }

static void set_stride(uint32_t size) { stride = ((size > sizeof(struct head) ? size : sizeof(struct head)) + 63) & ~(size_t)63; }

/* A receiver of so much gives itself a buffer; with the kernel's default even loopback loses a percent at 1 Gbit/s. */
static int open_socket(void) {
  int room = RECEIVE_BUFFER, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  return fd;
}

/* What has come, without waiting. */
static int receive(int fd) {
  static struct mmsghdr messages[RECEIVE_BATCH];
  static struct iovec pieces[RECEIVE_BATCH];
  for (int i = 0; i < RECEIVE_BATCH; i++) {
    pieces[i] = (struct iovec){buffer(i), stride};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1, .msg_name = &names[i], .msg_namelen = sizeof names[i]};
  }
  int count = recvmmsg(fd, messages, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
  if (count < 0 && errno != EAGAIN && errno != ECONNREFUSED) fail("recvmmsg");
  return count;
}

static void count(struct tally *tally, const struct head *head) {
  if (!head->counts || head->socket >= SOCKETS_MAX) return;
  tally->received++;
  if (head->sequence < tally->highest[head->socket]) tally->late++;
  else tally->highest[head->socket] = head->sequence;
}

/* Sends for as long as the plan says, to each of `peers` in turn (NULL: the sockets are connected). Returns how many counted. */
static uint64_t blast(const int *fds, struct sockaddr_in *peers, const struct plan *plan, uint64_t *took) {
  static struct mmsghdr messages[SEND_BATCH];
  static struct iovec pieces[SEND_BATCH];
  static uint64_t sequences[SOCKETS_MAX];
  uint64_t begun = now_ns(), started = 0, phase = begun, sent = 0, counted = 0, now;
  for (int i = 0; i < SEND_BATCH; i++) pieces[i] = (struct iovec){buffer(i), plan->size};
  for (uint32_t turn = 0;; turn = (turn + 1) % plan->sockets) {
    now = now_ns();
    if (started && now - started >= plan->ns) break;
    if (!started && now - begun >= WARM_UP_NS) phase = started = now, sent = 0;
    uint64_t due = plan->rate == 0 ? SEND_BATCH : (uint64_t)((double)(now - phase) * plan->rate / 1e9) - sent;
    if (due > SEND_BATCH) due = SEND_BATCH;
    if (due == 0) {
      nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
      continue;
    }
    for (uint64_t i = 0; i < due; i++) {
      *head_of((int)i) = (struct head){.kind = DATA, .counts = started != 0, .socket = (uint16_t)turn, .sequence = sequences[turn]++};
      messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
      if (peers != NULL) messages[i].msg_hdr.msg_name = &peers[turn], messages[i].msg_hdr.msg_namelen = sizeof peers[turn];
    }
    int done = sendmmsg(peers != NULL ? fds[0] : fds[turn], messages, (unsigned)due, 0);
    if (done < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) fail("sendmmsg");
    sent += due; /* What was not taken is lost at the start. */
    if (started) counted += due;
  }
  *took = now - started;
  return counted;
}

static void print(const struct plan *plan, uint64_t sent, uint64_t ns, uint64_t received, uint64_t late) {
  const double seconds = (double)ns / 1e9, lost = received < sent ? (double)(sent - received) : 0;
  printf("{\"sent\":%llu,\"received\":%llu,\"late\":%llu,\"seconds\":%.6f,\"perSecond\":%.1f,\"sentPerSecond\":%.1f,\"lostPercent\":%.5f,\"gbit\":%.5f}\n",
         (unsigned long long)sent, (unsigned long long)received, (unsigned long long)late, seconds, (double)received / seconds,
         (double)sent / seconds, sent > 0 ? 100 * lost / (double)sent : 0, (double)received * plan->size * 8 / 1e9 / seconds);
}

/* Waits for a datagram of a kind on any of the sockets, up to `ns`. */
static int wait_for(const int *fds, uint32_t sockets, uint64_t ns, int kind, struct head *found) {
  for (uint64_t until = now_ns() + ns; now_ns() < until;) {
    struct pollfd polled[SOCKETS_MAX];
    for (uint32_t i = 0; i < sockets; i++) polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    if (poll(polled, sockets, (int)(ns / 1000000)) <= 0) return 0;
    for (uint32_t i = 0; i < sockets; i++) {
      for (int k = 0, got = receive(fds[i]); k < got; k++) {
        memcpy(found, head_of(k), sizeof *found);
        if (found->kind == kind) return 1;
      }
    }
  }
  return 0;
}

static void send_up(const int *fds, struct plan *plan, struct head hello) {
  struct head answer;
  uint64_t took, begun = now_ns();
  do {
    send(fds[0], &hello, sizeof hello, 0);
    if (now_ns() - begun > GIVE_UP_NS) errno = ETIMEDOUT, fail("hello");
  } while (!wait_for(fds, plan->sockets, AGAIN_NS, HELLO, &answer));
  const uint64_t sent = blast(fds, NULL, plan, &took);
  const struct head end = {.kind = END, .sequence = sent, .ns = took};
  nanosleep(&(struct timespec){.tv_nsec = LINGER_NS}, NULL);
  begun = now_ns();
  do {
    send(fds[0], &end, sizeof end, 0);
    if (now_ns() - begun > GIVE_UP_NS) errno = ETIMEDOUT, fail("report");
  } while (!wait_for(fds, plan->sockets, AGAIN_NS, REPORT, &answer));
  print(plan, sent, took, answer.sequence, answer.ns);
}

static void receive_down(const int *fds, struct plan *plan, struct head hello) {
  struct tally tally = {0};
  struct head end = {0};
  uint64_t begun = now_ns(), said = 0, ended = 0;
  for (int heard = 0; ended == 0 || now_ns() - ended < LINGER_NS;) {
    struct pollfd polled[SOCKETS_MAX];
    if (!heard && now_ns() - said > AGAIN_NS) {
      said = now_ns();
      for (uint32_t i = 0; i < plan->sockets; i++) send(fds[i], &hello, sizeof hello, 0);
    }
    if (!ended && now_ns() - begun > GIVE_UP_NS + plan->ns) errno = ETIMEDOUT, fail("end");
    for (uint32_t i = 0; i < plan->sockets; i++) polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    if (poll(polled, plan->sockets, (int)(AGAIN_NS / 1000000)) <= 0) continue;
    for (uint32_t i = 0; i < plan->sockets; i++) {
      if ((polled[i].revents & POLLIN) == 0) continue;
      for (int k = 0, got = receive(fds[i]); k < got; k++) {
        const struct head *head = head_of(k);
        heard = 1;
        if (head->kind == DATA) count(&tally, head);
        if (head->kind == END && ended == 0) end = *head, ended = now_ns();
      }
    }
  }
  end.kind = REPORT;
  for (int i = 0; i < 3; i++) send(fds[0], &end, sizeof end, 0);
  print(plan, end.sequence, end.ns, tally.received, tally.late);
}

/* One client, then the end. */
static void serve(int fd) {
  static struct sockaddr_in peers[SOCKETS_MAX];
  struct tally tally = {0};
  struct head hello = {0}, answer;
  uint32_t known = 0;
  while (hello.kind == 0 || (hello.counts && known < hello.sockets)) {
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
    for (int k = 0, got = receive(fd); k < got; k++) {
      const struct head *head = head_of(k);
      uint32_t i = 0;
      if (head->kind != HELLO) continue;
      hello = *head;
      while (i < known && memcmp(&peers[i], &names[k], sizeof names[k]) != 0) i++;
      if (i == known && known < SOCKETS_MAX) peers[known++] = names[k];
    }
  }
  set_stride(hello.size);
  if (hello.counts) { /* down */
    struct plan plan = {hello.size, hello.sockets, hello.rate, hello.ns};
    struct head end = {.kind = END};
    end.sequence = blast(&fd, peers, &plan, &end.ns);
    nanosleep(&(struct timespec){.tv_nsec = LINGER_NS}, NULL);
    for (uint64_t begun = now_ns(); now_ns() - begun < GIVE_UP_NS;) {
      sendto(fd, &end, sizeof end, 0, (struct sockaddr *)&peers[0], sizeof peers[0]);
      if (wait_for(&fd, 1, AGAIN_NS, REPORT, &answer)) return;
    }
    return;
  }
  hello.kind = HELLO;
  sendto(fd, &hello, sizeof hello, 0, (struct sockaddr *)&peers[0], sizeof peers[0]);
  uint64_t patience = GIVE_UP_NS;
  for (uint64_t heard = now_ns(); now_ns() - heard < patience;) {
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, (int)(DONE_NS / 1000000));
    for (int k = 0, got = receive(fd); k < got; k++) {
      const struct head *head = head_of(k);
      heard = now_ns();
      if (head->kind == DATA) count(&tally, head);
      if (head->kind == HELLO) sendto(fd, &hello, sizeof hello, 0, (struct sockaddr *)&names[k], sizeof names[k]);
      if (head->kind != END) continue;
      patience = DONE_NS;
      const struct head report = {.kind = REPORT, .sequence = tally.received, .ns = tally.late};
      sendto(fd, &report, sizeof report, 0, (struct sockaddr *)&names[k], sizeof names[k]);
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 4 && argc != 9) errno = EINVAL, fail("usage: udp-blast server|client ADDRESS PORT [up|down SIZE SOCKETS RATE SECONDS]");
  struct sockaddr_in address = address_parse(argv[2], argv[3]);
  int fds[SOCKETS_MAX] = {open_socket()};
  prctl(PR_SET_TIMERSLACK, 1);
  memset(memory, 1, sizeof memory); /* so that no page fault falls into the measurement */
  if (argc == 4) {
    if (bind(fds[0], (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    serve(fds[0]);
    return 0;
  }
  const int is_down = strcmp(argv[4], "down") == 0;
  struct plan plan = {(uint32_t)atoi(argv[5]), (uint32_t)atoi(argv[6]), (uint32_t)atoi(argv[7]), (uint64_t)(atof(argv[8]) * 1e9)};
  if (plan.size < sizeof(struct head) || plan.size > SIZE_MAX_BYTES) errno = EINVAL, fail("size");
  if (plan.sockets < 1 || plan.sockets > SOCKETS_MAX) errno = EINVAL, fail("sockets");
  set_stride(plan.size);
  for (uint32_t i = 0; i < plan.sockets; i++) {
    if (i > 0) fds[i] = open_socket();
    if (connect(fds[i], (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  }
  const struct head hello = {.kind = HELLO, .counts = (uint8_t)is_down, .size = plan.size, .sockets = plan.sockets, .rate = plan.rate, .ns = plan.ns};
  if (is_down) receive_down(fds, &plan, hello);
  else send_up(fds, &plan, hello);
  return 0;
}
