/*
 * The addon's entrance: createContext(arenaBytes), and the one door through which JavaScript calls a method.
 *
 * The door is cut per number of arguments, so that a call is one napi_get_cb_info, one napi_get_value_int32 per argument
 * and one napi_create_int32, without allocation. An argument that is not a number makes the call return -EINVAL.
 *
 * Contexts are freed with the environment, not with their object: JavaScript may hold one of the functions alone. What
 * costs (descriptors, the arena) goes with close(), or with the environment when nobody called it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"

static const Method *const TABLES[] = {direct_methods, forward_methods, hardening_methods, listen_methods, listeners_methods, loop_methods, message_methods, outbound_methods, peer_methods, process_methods, routes_methods, signal_methods,
                                       tap_methods,  tcp_methods,     train_methods,   udp_methods};
#define TABLE_COUNT (sizeof TABLES / sizeof *TABLES)

static inline __attribute__((always_inline)) napi_value invoke(napi_env env, napi_callback_info info, size_t arity) {
  napi_value given[MAX_ARGUMENTS + 1], result = NULL;
  int32_t argument[MAX_ARGUMENTS + 1], outcome = 0;
  size_t count = arity;
  void *data;
  if (napi_get_cb_info(env, info, &count, given, NULL, &data) != napi_ok) return NULL;
  const Binding *binding = data;
  for (size_t i = 0; i < arity; i++)
    if (napi_get_value_int32(env, given[i], &argument[i]) != napi_ok) outcome = -EINVAL;
  if (outcome == 0) outcome = binding->call(binding->context, argument);
  napi_create_int32(env, outcome, &result);
  return result;
}

#define DOOR(arity) \
  static napi_value invoke##arity(napi_env env, napi_callback_info info) { return invoke(env, info, arity); }
DOOR(0) DOOR(1) DOOR(2) DOOR(3) DOOR(4) DOOR(5) DOOR(6) DOOR(7) DOOR(8) DOOR(9)

static const napi_callback DOORS[MAX_ARGUMENTS + 1] = {invoke0, invoke1, invoke2, invoke3, invoke4,
                                                       invoke5, invoke6, invoke7, invoke8, invoke9};

/* Throws an Error whose code is the errno's name. Returns NULL, for the caller to return. */
napi_value throw_errno(napi_env env, const char *call, int error) {
  char message[96];
  snprintf(message, sizeof message, "%s: %s", call, uv_err_name(-error));
  napi_throw_error(env, uv_err_name(-error), message);
  return NULL;
}

/* Descriptors and the arena go now, the rest with the environment. A second call finds nothing to do. */
void context_close(Context *context) {
  signal_stop(context, NULL);
  loop_close(context);
  mapping_release(context->arena);
  context->arena = NULL;
}

static void context_free(Context *context) {
  mapping_release(context->arena);
  mapping_release(context->scratch_mapping);
  free(context->bindings);
  free(context);
}

/* The environment ends, after its clean-up hooks (loop.c) have closed every context. */
static void free_all(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  for (Context *context = *(Context **)data; context != NULL;) {
    Context *next = context->next;
    context_free(context);
    context = next;
  }
  free(data);
}

static bool set_property(napi_env env, napi_value object, const char *name, napi_value value) {
  return value != NULL && napi_set_named_property(env, object, name, value) == napi_ok;
}

/* Adds a function whose data is the next free binding. */
static bool add_function(Context *context, napi_value object, size_t *next, const char *name, napi_callback door, Call call) {
  Binding *binding = &context->bindings[(*next)++];
  napi_value function;
  *binding = (Binding){context, call};
  if (napi_create_function(context->env, name, NAPI_AUTO_LENGTH, door, binding, &function) != napi_ok) return false;
  return set_property(context->env, object, name, function);
}

/* The object that JavaScript sees, or NULL with a pending exception. */
static napi_value describe(Context *context) {
  napi_env env = context->env;
  napi_value object;
  size_t next = 0;
  if (napi_create_object(env, &object) != napi_ok) return NULL;
  if (!set_property(env, object, "arena", mapping_buffer(env, context->arena))) return NULL;
  if (!set_property(env, object, "scratch", mapping_buffer(env, context->scratch_mapping))) return NULL;
  for (size_t table = 0; table < TABLE_COUNT; table++)
    for (const Method *method = TABLES[table]; method->name != NULL; method++)
      if (!add_function(context, object, &next, method->name, DOORS[method->arity], method->call)) return NULL;
  /* These two take or return more than integers. */
  if (!add_function(context, object, &next, "start", loop_start, NULL)) return NULL;
  return add_function(context, object, &next, "sharedMemory", shared_memory, NULL) ? object : NULL;
}

static size_t count_bindings(void) {
  size_t count = 2; /* start and sharedMemory */
  for (size_t table = 0; table < TABLE_COUNT; table++)
    for (const Method *method = TABLES[table]; method->name != NULL; method++) count++;
  return count;
}

static napi_value create_context(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value given;
  void *data;
  int32_t bytes;
  if (napi_get_cb_info(env, info, &count, &given, NULL, NULL) != napi_ok) return NULL;
  if (napi_get_value_int32(env, given, &bytes) != napi_ok || bytes <= 0) return throw_errno(env, "mmap", EINVAL);
  if (napi_get_instance_data(env, &data) != napi_ok || data == NULL) return throw_errno(env, "createContext", ENXIO);
  Context *context = calloc(1, sizeof *context);
  if (context == NULL) return throw_errno(env, "createContext", ENOMEM);
  context->env = env;
  context->epoll = context->timer = -1;
  context->bindings = calloc(count_bindings(), sizeof *context->bindings);
  context->arena = mapping_create((size_t)bytes, -1);
  context->scratch_mapping = mapping_create(SCRATCH_WORDS * sizeof(int32_t), -1);
  if (context->bindings == NULL || context->arena == NULL || context->scratch_mapping == NULL) {
    context_free(context);
    return throw_errno(env, "mmap", ENOMEM);
  }
  context->scratch = context->scratch_mapping->base;
  const int failed = loop_open(context);
  if (failed < 0) {
    context_free(context);
    return throw_errno(env, "epoll_create1", -failed);
  }
  context->next = *(Context **)data;
  *(Context **)data = context;
  napi_value object = describe(context);
  if (object == NULL) context_close(context);
  return object;
}

NAPI_MODULE_INIT() {
  napi_value function;
  Context **contexts = calloc(1, sizeof *contexts);
  if (contexts == NULL || napi_set_instance_data(env, contexts, free_all, NULL) != napi_ok) {
    free(contexts);
    return throw_errno(env, "netloom", ENOMEM);
  }
  if (napi_create_function(env, "createContext", NAPI_AUTO_LENGTH, create_context, NULL, &function) != napi_ok) return NULL;
  if (napi_set_named_property(env, exports, "createContext", function) != napi_ok) return NULL;
  return exports;
}
