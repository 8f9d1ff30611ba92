/*
 * The system calls that the running process may make: those that it has a use for (seccomp_rules.h), some of them with some arguments. See
 * seccomp(2), "SECCOMP_FILTER_FLAG_TSYNC": the filter is every thread's at once.
 *
 *     another architecture (int 0x80, x32)     killed: its numbers mean other calls
 *     socket()          IPv4 and IPv6: TCP, UDP, ping; rtnetlink, by which the C library lists interfaces. No way to a bus or a daemon
 *     socketpair()      streams and packets, which can never be connected to anything else; datagrams could
 *     clone()           threads; killed with a namespace's flag
 *     kill(), tgkill()  to ourselves
 *     fcntl(), ioctl()  those named below: others choose who gets a signal (F_SETOWN), or type into the user's terminal (TIOCSTI)
 *
 * The gap: libuv 1.51 and later has a ring of io_uring for each event loop from Node's first instant, and aborts where it cannot enter it. Where there is
 * none (Node 20; attach, netloom-slirp4netns: rings.c) io_uring_enter() kills; else it is allowed, and a ring can make sockets of other families. It can
 * send no signal and start no program, and Landlock holds for it.
 *
 * A filter cannot look into memory. So connect() is allowed whatever the address is; what decides is which sockets there are.
 *
 * The program is a binary search tree over the numbers, in ranges of one fate; a range between two rules is killed. Written from its end
 * backwards, so that every jump forward knows where it goes. Nothing of it is on the path of a packet: since Linux 5.11 the kernel runs
 * the filter once for each number, and remembers those that are allowed whatever their arguments; before, it is 8 comparisons.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hardening.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE
#include "seccomp_rules.h"

/* Room for the whole program (instructions); it takes some 550. */
#define MOST_INSTRUCTIONS 1024
/* How far a comparison can jump. */
#define FAR 255

/* TCGETS2, TCSETS2, TCSETSW2 and TCSETSF2 of asm/termbits.h, which does not go together with sys/ioctl.h. */
#define GET_TERMINAL 0x802c542a
#define SET_TERMINAL 0x402c542b

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | 0x80 /* NEWTIME */)
#define SOCKET_TYPE 0xf
/* Node makes its rings as it starts, when descriptors are low. */
#define RING_DESCRIPTORS 256

#define REFUSE(error) (SECCOMP_RET_ERRNO | (error))

/* Commands: of the terminal those by which Node finds out that there is one, and puts back its modes at the end. */
static const uint32_t FCNTLS[] = {F_DUPFD,       F_DUPFD_CLOEXEC, F_GETFD,      F_SETFD,     F_GETFL, F_SETFL,
                                  F_SETPIPE_SZ,  F_GETPIPE_SZ,    F_ADD_SEALS,  F_GET_SEALS, F_SETLK, F_SETLKW,
                                  F_GETLK,       F_OFD_SETLK,     F_OFD_SETLKW, F_OFD_GETLK};
static const uint32_t IOCTLS[] = {FIONREAD,   FIONBIO,  FIOCLEX,      FIONCLEX,     SIOCATMARK,       SIOCOUTQ,
                                  SIOCGIFINDEX, SIOCGIFNAME, TCGETS,  TCSETS,       TCSETSW,          TCSETSF,
                                  TIOCGWINSZ, TIOCGPTN, GET_TERMINAL, SET_TERMINAL, SET_TERMINAL + 1, SET_TERMINAL + 2};
static const uint32_t PROTOCOLS[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6};
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The program as far as it is written: code[at], ..., code[MOST_INSTRUCTIONS - 1]. */
typedef struct {
  struct sock_filter code[MOST_INSTRUCTIONS];
  int at;
} Program;

static void put(Program *program, uint16_t code, uint8_t then, uint8_t otherwise, uint32_t value) {
  if (--program->at < 0) abort();
  program->code[program->at] = (struct sock_filter){code, then, otherwise, value};
}

static void put_return(Program *program, uint32_t action) { put(program, BPF_RET | BPF_K, 0, 0, action); }

static void put_load(Program *program, size_t offset) { put(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset); }

/* Of an argument the lower half, on these machines; none of those looked at here is longer. */
static void put_argument(Program *program, int number) {
  put_load(program, offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (size_t)number);
}

/* What follows is taken where the comparison is true, else what begins at `otherwise`. */
static void put_if(Program *program, uint16_t comparison, uint32_t value, int otherwise) {
  const int distance = otherwise - program->at;
  if (distance <= FAR) {
    put(program, BPF_JMP | BPF_K | comparison, 0, (uint8_t)distance, value);
    return;
  }
  put(program, BPF_JMP | BPF_JA, 0, 0, (uint32_t)distance);
  put(program, BPF_JMP | BPF_K | comparison, 1, 0, value);
}

/* Goes on where what is loaded is in the list, else returns `action`. */
static void put_one_of(Program *program, const uint32_t *list, size_t count, uint32_t action) {
  const int then = program->at;
  put_return(program, action);
  for (size_t i = 0; i < count; i++) put(program, BPF_JMP | BPF_K | BPF_JEQ, (uint8_t)(then - program->at), 0, list[i]);
}

static void put_type(Program *program, uint32_t first, uint32_t second, uint32_t action) {
  const uint32_t types[] = {first, second};
  put_one_of(program, types, 2, action);
  put(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, SOCKET_TYPE);
  put_argument(program, 1);
}

/* Each of these is written from its end. */

static void put_socket(Program *program) {
  put_return(program, SECCOMP_RET_ALLOW);
  put_one_of(program, PROTOCOLS, COUNT(PROTOCOLS), REFUSE(EPROTONOSUPPORT));
  put_argument(program, 2);
  put_type(program, SOCK_STREAM, SOCK_DGRAM, REFUSE(EPROTONOSUPPORT));
  const int internet = program->at;
  /* What listens to the network's configuration, and can change nothing of it. */
  put_return(program, SECCOMP_RET_ALLOW);
  const uint32_t route = NETLINK_ROUTE, families[] = {AF_INET, AF_INET6};
  put_one_of(program, &route, 1, REFUSE(EPROTONOSUPPORT));
  put_argument(program, 2);
  const int netlink = program->at;
  put_return(program, REFUSE(EAFNOSUPPORT));
  put(program, BPF_JMP | BPF_K | BPF_JEQ, (uint8_t)(netlink - program->at), 0, AF_NETLINK);
  for (size_t i = 0; i < COUNT(families); i++) put(program, BPF_JMP | BPF_K | BPF_JEQ, (uint8_t)(internet - program->at), 0, families[i]);
  put_argument(program, 0);
}

static void put_thread(Program *program) {
  put_return(program, REFUSE(EPERM));
  const int refused = program->at;
  put_return(program, SECCOMP_RET_ALLOW);
  put_if(program, BPF_JSET, CLONE_THREAD, refused);
  const int harmless = program->at;
  put_return(program, SECCOMP_RET_KILL_PROCESS);
  put_if(program, BPF_JSET, NAMESPACES, harmless);
  put_argument(program, 0);
}

/* Goes on where the argument is one of `count` numbers. */
static void put_allow_only(Program *program, int argument, const uint32_t *list, size_t count) {
  put_return(program, SECCOMP_RET_ALLOW);
  put_one_of(program, list, count, REFUSE(EPERM));
  put_argument(program, argument);
}

/* Nothing is submitted or waited for; what is no ring says so. */
static bool has_ring(void) {
  for (int descriptor = 0; descriptor < RING_DESCRIPTORS; descriptor++)
    if (syscall(CALL_IO_URING_ENTER, descriptor, 0, 0, 0, NULL, 0) == 0) return true;
  return false;
}

static void put_fate(Program *program, Fate fate) {
  const uint32_t own[] = {(uint32_t)getpid(), 0};
  switch (fate) {
    case KILL: put_return(program, SECCOMP_RET_KILL_PROCESS); return;
    case ALLOW: put_return(program, SECCOMP_RET_ALLOW); return;
    case NOT_PERMITTED: put_return(program, REFUSE(EPERM)); return;
    case NOT_THERE: put_return(program, REFUSE(ENOSYS)); return;
    case SOCKET: put_socket(program); return;
    case SOCKET_PAIR:
      put_return(program, SECCOMP_RET_ALLOW);
      put_type(program, SOCK_STREAM, SOCK_SEQPACKET, REFUSE(EPERM));
      return;
    case THREAD: put_thread(program); return;
    case OWN_PROCESS: put_allow_only(program, 0, own, 1); return;
    case OWN_LIMITS: put_allow_only(program, 0, own, 2); return;
    case RING: put_return(program, has_ring() ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS); return;
    case FCNTL: put_allow_only(program, 1, FCNTLS, COUNT(FCNTLS)); return;
    case IOCTL: put_allow_only(program, 1, IOCTLS, COUNT(IOCTLS)); return;
  }
}

/* Ranges of numbers with one fate each, in order: from `call` to before the next one's. */
typedef struct {
  Rule first[2 * RULE_COUNT + 2];
  size_t count;
} Ranges;

static int by_call(const void *left, const void *right) {
  const uint32_t a = ((const Rule *)left)->call, b = ((const Rule *)right)->call;
  return a < b ? -1 : a > b;
}

static void add_range(Ranges *ranges, uint32_t call, Fate fate) {
  if (ranges->count > 0 && ranges->first[ranges->count - 1].call == call) ranges->count--;
  if (ranges->count > 0 && ranges->first[ranges->count - 1].fate == fate) return;
  ranges->first[ranges->count++] = (Rule){call, fate};
}

static void make_ranges(Ranges *ranges) {
  Rule sorted[RULE_COUNT];
  memcpy(sorted, RULES, sizeof sorted);
  qsort(sorted, RULE_COUNT, sizeof *sorted, by_call);
  ranges->count = 0;
  add_range(ranges, 0, KILL);
  for (size_t i = 0; i < RULE_COUNT; i++) {
    add_range(ranges, sorted[i].call, sorted[i].fate);
    add_range(ranges, sorted[i].call + 1, KILL);
  }
  add_range(ranges, CALL_UNKNOWN, NOT_THERE);
}

/* The number is loaded, and not below the first one's. */
static void put_tree(Program *program, const Rule *ranges, size_t count) {
  if (count == 1) {
    put_fate(program, ranges->fate);
    return;
  }
  const size_t half = count / 2;
  put_tree(program, ranges, half);
  const int lower = program->at;
  put_tree(program, ranges + half, count - half);
  put_if(program, BPF_JGE, ranges[half].call, lower);
}

static void put_all(Program *program) {
  Ranges ranges;
  make_ranges(&ranges);
  put_tree(program, ranges.first, ranges.count);
#ifdef X32_BIT
  /* -1 is no call; a tracer writes it there to skip one. */
  int known = program->at;
  put_return(program, SECCOMP_RET_KILL_PROCESS);
  put_if(program, BPF_JSET, X32_BIT, known);
  known = program->at;
  put_return(program, SECCOMP_RET_ALLOW);
  put_if(program, BPF_JEQ, 0xffffffff, known);
#endif
  put_load(program, offsetof(struct seccomp_data, nr));
  const int ours = program->at;
  put_return(program, SECCOMP_RET_KILL_PROCESS);
  put(program, BPF_JMP | BPF_K | BPF_JEQ, (uint8_t)(ours - program->at), 0, ARCHITECTURE);
  put_load(program, offsetof(struct seccomp_data, arch));
}

int seccomp_install(void) {
  static Program program;
  program.at = MOST_INSTRUCTIONS;
  put_all(&program);
  const struct sock_fprog filter = {.len = (unsigned short)(MOST_INSTRUCTIONS - program.at), .filter = program.code + program.at};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
  const long outcome = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  if (outcome < 0) return -errno;
  /* The number of a thread with a filter of its own, which could not be brought into line. */
  return outcome == 0 ? 0 : -EBUSY;
}

#else
int seccomp_install(void) { return -ENOSYS; }
#endif
