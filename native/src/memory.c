/*
 * Memory shared with JavaScript: the arena, the scratch, and memfds. See mmap(2), memfd_create(2).
 *
 * An ArrayBuffer made here holds one reference to its mapping and the context another. Whoever lets go last unmaps, so a
 * method never writes to memory that is gone, and a buffer that JavaScript kept after close() stays readable.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "context.h"

/* Anonymous memory when `descriptor` is -1, else the file's. NULL and errno on failure; the caller has one reference. */
Mapping *mapping_create(size_t bytes, int descriptor) {
  Mapping *mapping = malloc(sizeof *mapping);
  if (mapping == NULL) return NULL;
  /* NORESERVE: an arena is sized for the worst case, and pages that were never touched cost nothing. */
  const int flags = descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
  mapping->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, descriptor, 0);
  if (mapping->base == MAP_FAILED) {
    const int error = errno;
    free(mapping);
    errno = error;
    return NULL;
  }
  mapping->size = bytes;
  mapping->references = 1;
  return mapping;
}

void mapping_release(Mapping *mapping) {
  if (mapping == NULL || --mapping->references > 0) return;
  munmap(mapping->base, mapping->size);
  free(mapping);
}

/* Node runs it on the thread of the environment, so the count needs no lock. */
static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)data;
  mapping_release(hint);
}

/*
 * Takes a reference of its own. NULL with a pending exception on failure. V8 counts the whole mapping as memory in use, touched or not, and
 * may collect garbage because of it, 2 to 4 ms beside everything else of a start. The count is left as V8 made it: what napi_adjust_external_memory
 * takes off must have been added by it, and newer versions of V8 end the process otherwise.
 */
napi_value mapping_buffer(napi_env env, Mapping *mapping) {
  napi_value buffer;
  mapping->references++;
  if (napi_create_external_arraybuffer(env, mapping->base, mapping->size, finalize, mapping, &buffer) == napi_ok) return buffer;
  mapping_release(mapping);
  return throw_errno(env, "napi_create_external_arraybuffer", ENOMEM);
}

void *arena_range(const Context *context, int32_t at, int32_t length) {
  if (at < 0 || length < 0 || context->arena == NULL || (size_t)at + (size_t)length > context->arena->size) return NULL;
  return (uint8_t *)context->arena->base + at;
}

/* sharedMemory(bytes): an ArrayBuffer over a new memfd, whose descriptor is left in scratch[0] and belongs to the caller. */
napi_value shared_memory(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value given;
  void *data;
  int32_t bytes;
  if (napi_get_cb_info(env, info, &count, &given, NULL, &data) != napi_ok) return NULL;
  if (napi_get_value_int32(env, given, &bytes) != napi_ok || bytes <= 0) return throw_errno(env, "memfd_create", EINVAL);
  const int descriptor = memfd_create("netloom-flows", MFD_CLOEXEC);
  if (descriptor < 0) return throw_errno(env, "memfd_create", errno);
  Mapping *mapping = ftruncate(descriptor, bytes) < 0 ? NULL : mapping_create((size_t)bytes, descriptor);
  if (mapping == NULL) {
    const int error = errno;
    close(descriptor);
    return throw_errno(env, "mmap", error);
  }
  napi_value buffer = mapping_buffer(env, mapping);
  mapping_release(mapping); /* Only the buffer holds it. */
  if (buffer == NULL)
    close(descriptor);
  else
    ((Binding *)data)->context->scratch[0] = descriptor;
  return buffer;
}
