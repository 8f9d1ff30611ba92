/*
 * What the files of the addon share: the context, and the shape of a method.
 *
 * A context serves one network: an arena that packets live in, a page of int32 words for results that do not fit the
 * returned number (the scratch), and one epoll descriptor that Node's loop watches. JavaScript sees an object with one
 * function per Method. Every method takes int32 words and returns one: a count or a descriptor, or -errno.
 *
 *     JavaScript                 addon.c                      tap.c, tcp.c, udp.c ...
 *     native.tapWrite(7, 64, 90) -> Binding {context, call} -> tap_write(context, {7, 64, 90})
 *
 * So only addon.c, loop.c and memory.c know Node-API, and the rest is system calls.
 */
#ifndef NETLOOM_CONTEXT_H
#define NETLOOM_CONTEXT_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

/* Words of the scratch: 2,048 pairs, so one batch of events or frames can have so many entries. */
#define SCRATCH_WORDS 4096
/* Entries of two words that fit the scratch. */
#define SCRATCH_PAIRS (SCRATCH_WORDS / 2)
/* The longest method, udpSend, takes nine words. */
#define MAX_ARGUMENTS 9

/* Memory that C and an ArrayBuffer share. It is unmapped when neither needs it any more. */
typedef struct {
  void *base;
  size_t size;
  int references;
} Mapping;

typedef struct Context Context;

typedef int32_t (*Call)(Context *context, const int32_t *argument);

typedef struct {
  const char *name; /* As JavaScript spells it; NULL ends a table. */
  int arity;
  Call call;
} Method;

/* What a JavaScript function carries as its data. */
typedef struct {
  Context *context;
  Call call;
} Binding;

/* busy_poll.c; ns of CLOCK_MONOTONIC. */
typedef struct {
  int64_t wait, slept_at, not_before, backoff;
} BusyPoll;

struct Context {
  napi_env env;
  Context *next; /* All contexts of this environment; they are freed with it, because functions can outlive an object. */
  Binding *bindings;
  Mapping *arena; /* NULL once closed: then every range is out of bounds. */
  Mapping *scratch_mapping;
  int32_t *scratch; /* Stays mapped after close, so that a late call has somewhere to write. */
  int epoll;        /* -1 once closed. */
  int timer;
  uv_poll_t *poll; /* Freed by its own close callback. */
  napi_ref callback;
  napi_async_context async;
  napi_async_cleanup_hook_handle hook;
  BusyPoll busy_poll;
  struct sockaddr_storage outbound[2]; /* outbound.c: of IPv4 and IPv6; AF_UNSPEC: none. */
  int32_t is_outbound_missing[2];      /* outbound.c: there is to be one, and the host has it not. */
  int mutes_multicast;
  int descriptors; /* process.c: how many the process may have open for others; 0: as many as it gets. */
};

extern const Method direct_methods[], forward_methods[], hardening_methods[], listen_methods[], listeners_methods[], loop_methods[], message_methods[], outbound_methods[], peer_methods[], process_methods[], routes_methods[], signal_methods[], tap_methods[], tcp_methods[], train_methods[], udp_methods[];

/* memory.c */
Mapping *mapping_create(size_t bytes, int descriptor);
void mapping_release(Mapping *mapping);
napi_value mapping_buffer(napi_env env, Mapping *mapping);
napi_value shared_memory(napi_env env, napi_callback_info info);
/* The address of [at, at + length) in the arena, or NULL when it is not all inside. */
void *arena_range(const Context *context, int32_t at, int32_t length);

/* addon.c */
void context_close(Context *context);
napi_value throw_errno(napi_env env, const char *call, int error);

/* busy_poll.c */
struct epoll_event;
void busy_poll_woken(BusyPoll *poll);
int busy_poll_wait(BusyPoll *poll, int epoll, struct epoll_event *events, int max);

/* loop.c */
int loop_open(Context *context);
void loop_close(Context *context);
napi_value loop_start(napi_env env, napi_callback_info info);

/* signal.c */
int32_t signal_stop(Context *context, const int32_t *argument);

/* process.c: shares of the descriptors that the process may have open for others, in quarters: for bytes on their way past the interface,
 * for all that is published, and for whatever a guest asks for. */
#define SHARE_PIPES 2
#define SHARE_PUBLISHED 3
#define SHARE_ALL 4
bool descriptor_is_within(const Context *context, int descriptor, int share);
int descriptor_admit(const Context *context, int descriptor, int share);

/* outbound.c */
int outbound_bind(const Context *context, int descriptor, int family, int port);
int outbound_bind_connecting(const Context *context, int descriptor, int family);
int32_t outbound_error(int error);
int32_t outbound_connect_error(const Context *context, const struct sockaddr_storage *address, socklen_t length, int error);

/* udp.c: what every socket for datagrams is asked to tell: errors, TTL, TOS. */
int datagram_prepare(const Context *context, int descriptor, int family);

/* trains.c: room in a socket's buffers for what comes between two turns. */
void datagram_room(int descriptor);

/* udp.c: one datagram, into a message with room for control messages. */
int32_t datagram_receive(Context *context, const int32_t *argument, struct msghdr *message);

/* udp.c: TTL or hop limit, and TOS or traffic class, that a message came with; left alone where the kernel does not tell. */
void datagram_fields(struct msghdr *message, int32_t *ttl, int32_t *tos);

/* address.c: four big-endian words and a port, to and from a sockaddr; IPv4 is ::ffff:a.b.c.d. */
socklen_t address_load(struct sockaddr_storage *address, const int32_t *words, int32_t port);
socklen_t address_load_v6(struct sockaddr_storage *address, const int32_t *words, int32_t port);
socklen_t address_load_scoped(struct sockaddr_storage *address, const int32_t *words, int32_t port, int32_t scope);
void address_store(int32_t *words, int32_t *port, const struct sockaddr *address);

#endif
