/*
 * The event loop's two descriptors: an epoll(7) descriptor that holds every descriptor of a network, and one timerfd in it
 * under the token -1. Node's own loop watches only the epoll descriptor (uv_poll, level-triggered), and calls JavaScript
 * back when anything in it is ready; epollWait() then takes the whole batch in one call and never blocks.
 *
 * Lifetime: the uv handle is open from createContext() to close(). libuv frees a handle only in a later turn, so until
 * that has happened an asynchronous clean-up hook keeps the environment from ending.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "context.h"

#define TIMER_TOKEN (-1)

static void on_closed(uv_handle_t *handle) {
  Context *context = handle->data;
  free(handle);
  /* The environment may end from here on, and free the context with it. */
  if (context != NULL) napi_remove_async_cleanup_hook(context->hook);
}

/* The environment ends and nobody called close(), or the handle is not closed yet: on_closed() says when it may go on. */
static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  context_close(data);
}

static void drop_callback(Context *context) {
  if (context->callback != NULL) napi_delete_reference(context->env, context->callback);
  context->callback = NULL;
}

static void on_ready(uv_poll_t *poll, int status, int events) {
  Context *context = poll->data;
  napi_env env = context->env;
  napi_handle_scope scope;
  napi_value callback, receiver, result, exception;
  (void)status, (void)events;
  if (context->callback == NULL || napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, context->callback, &callback) == napi_ok && napi_get_global(env, &receiver) == napi_ok) {
    const napi_status outcome = napi_make_callback(env, context->async, receiver, callback, 0, NULL, &result);
    /* What the callback throws is nobody's to catch: it becomes an uncaughtException. */
    if (outcome == napi_pending_exception && napi_get_and_clear_last_exception(env, &exception) == napi_ok)
      napi_fatal_exception(env, exception);
  }
  napi_close_handle_scope(env, scope);
}

static int add_timer(Context *context) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint32_t)TIMER_TOKEN};
  context->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (context->timer < 0) return -errno;
  return epoll_ctl(context->epoll, EPOLL_CTL_ADD, context->timer, &event) < 0 ? -errno : 0;
}

static int add_handle(Context *context) {
  napi_env env = context->env;
  napi_value name;
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return -ENXIO;
  if (napi_create_string_utf8(env, "netloom", NAPI_AUTO_LENGTH, &name) != napi_ok) return -ENOMEM;
  if (napi_async_init(env, NULL, name, &context->async) != napi_ok) return -ENOMEM;
  context->poll = malloc(sizeof *context->poll);
  if (context->poll == NULL) return -ENOMEM;
  const int failed = uv_poll_init(loop, context->poll, context->epoll);
  if (failed < 0) {
    free(context->poll);
    context->poll = NULL;
    return failed;
  }
  context->poll->data = context;
  return napi_add_async_cleanup_hook(env, on_environment_end, context, &context->hook) == napi_ok ? 0 : -ENOMEM;
}

/* 0 or -errno, with nothing left open. */
int loop_open(Context *context) {
  context->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (context->epoll < 0) return -errno;
  int failed = add_timer(context);
  if (failed == 0) failed = add_handle(context);
  if (failed < 0) loop_close(context);
  return failed;
}

void loop_close(Context *context) {
  if (context->poll != NULL) {
    if (context->hook == NULL) context->poll->data = NULL; /* Creation failed half-way: the context goes before the handle. */
    uv_close((uv_handle_t *)context->poll, on_closed);
  }
  context->poll = NULL;
  drop_callback(context);
  if (context->async != NULL) napi_async_destroy(context->env, context->async);
  context->async = NULL;
  if (context->timer >= 0) close(context->timer);
  if (context->epoll >= 0) close(context->epoll);
  context->timer = context->epoll = -1;
}

/* start(callback): from now on, callback() whenever something in the epoll descriptor is ready. Again: another callback. */
napi_value loop_start(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value given, result = NULL;
  napi_valuetype type;
  void *data;
  if (napi_get_cb_info(env, info, &count, &given, NULL, &data) != napi_ok) return NULL;
  Context *context = ((Binding *)data)->context;
  int32_t outcome = -EBADF;
  if (napi_typeof(env, given, &type) != napi_ok || type != napi_function) {
    outcome = -EINVAL;
  } else if (context->poll != NULL) {
    drop_callback(context);
    outcome = napi_create_reference(env, given, 1, &context->callback) == napi_ok ? 0 : -ENOMEM;
    if (outcome == 0) outcome = uv_poll_start(context->poll, UV_READABLE, on_ready);
  }
  napi_create_int32(env, outcome, &result);
  return result;
}

static int32_t loop_stop(Context *context, const int32_t *argument) {
  (void)argument;
  if (context->poll == NULL) return -EBADF;
  drop_callback(context);
  return uv_poll_stop(context->poll);
}

static int32_t loop_ref(Context *context, const int32_t *argument) {
  (void)argument;
  if (context->poll == NULL) return -EBADF;
  uv_ref((uv_handle_t *)context->poll);
  return 0;
}

static int32_t loop_unref(Context *context, const int32_t *argument) {
  (void)argument;
  if (context->poll == NULL) return -EBADF;
  uv_unref((uv_handle_t *)context->poll);
  return 0;
}

static int32_t loop_end(Context *context, const int32_t *argument) {
  (void)argument;
  context_close(context);
  return 0;
}

static int32_t control(Context *context, int operation, int descriptor, int32_t token, int32_t events) {
  struct epoll_event event = {.events = (uint32_t)events, .data.u64 = (uint32_t)token};
  return epoll_ctl(context->epoll, operation, descriptor, &event) < 0 ? -errno : 0;
}

static int32_t epoll_add(Context *context, const int32_t *argument) {
  return control(context, EPOLL_CTL_ADD, argument[0], argument[1], argument[2]);
}

static int32_t epoll_modify(Context *context, const int32_t *argument) {
  return control(context, EPOLL_CTL_MOD, argument[0], argument[1], argument[2]);
}

static int32_t epoll_delete(Context *context, const int32_t *argument) {
  return control(context, EPOLL_CTL_DEL, argument[0], 0, 0);
}

/* epollWait(max, lingers): scratch[2i] = token, scratch[2i + 1] = events. */
static int32_t epoll_take(Context *context, const int32_t *argument) {
  struct epoll_event events[SCRATCH_PAIRS];
  const int max = argument[0] > SCRATCH_PAIRS ? SCRATCH_PAIRS : argument[0];
  int count = epoll_wait(context->epoll, events, max, 0);
  if (count > 0) busy_poll_woken(&context->busy_poll);
  if (count == 0 && argument[1] != 0) count = busy_poll_wait(&context->busy_poll, context->epoll, events, max);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) {
    context->scratch[2 * i] = (int32_t)(uint32_t)events[i].data.u64;
    context->scratch[2 * i + 1] = (int32_t)events[i].events;
  }
  return count;
}

/* timerArm(ms): once, `ms` from now; 0 is at once, a negative number disarms. */
static int32_t timer_arm(Context *context, const int32_t *argument) {
  struct itimerspec when = {0};
  const int32_t ms = argument[0];
  if (ms >= 0) {
    when.it_value.tv_sec = ms / 1000;
    when.it_value.tv_nsec = ms == 0 ? 1 : (ms % 1000) * 1000000L; /* All zero would disarm. */
  }
  return timerfd_settime(context->timer, 0, &when, NULL) < 0 ? -errno : 0;
}

/* timerRead(): 1 when the timer had fired, 0 when not. */
static int32_t timer_read(Context *context, const int32_t *argument) {
  uint64_t expirations;
  (void)argument;
  if (read(context->timer, &expirations, sizeof expirations) == sizeof expirations) return 1;
  return errno == EAGAIN ? 0 : -errno;
}

/* now(): CLOCK_MONOTONIC in ms, wrapping at 32 bits: the one result that may be negative without being an error. */
static int32_t now(Context *context, const int32_t *argument) {
  struct timespec time;
  (void)context, (void)argument;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int32_t)(uint32_t)((uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000);
}

const Method loop_methods[] = {
    {"stop", 0, loop_stop},
    {"ref", 0, loop_ref},
    {"unref", 0, loop_unref},
    {"close", 0, loop_end},
    {"epollAdd", 3, epoll_add},
    {"epollModify", 3, epoll_modify},
    {"epollDelete", 1, epoll_delete},
    {"epollWait", 2, epoll_take},
    {"timerArm", 1, timer_arm},
    {"timerRead", 0, timer_read},
    {"now", 0, now},
    {NULL, 0, NULL},
};
