// The file that Node opens. It needs no LibTorch: it opens LibTorch by absolute path, wherever that was
// found, and then the binding, which is linked against LibTorch without naming a folder.

#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"

typedef napi_value (*init_function)(napi_env, napi_value);

// What `openOnThread` gives to a thread, and what that gives back.
typedef struct {
  napi_async_work work;
  napi_deferred deferred;
  char* path;
  bool global;
  char* problem;  // NULL where the library is open
} opening;

// The first argument as a fresh string, or NULL with an exception pending.
static char* TakePath(napi_env env, napi_value value, const char* expected) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_string) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", expected);
    return NULL;
  }
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", expected);
    return NULL;
  }
  char* path = malloc(length + 1);
  if (path == NULL) {
    napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "no memory for a path");
    return NULL;
  }
  if (napi_get_value_string_utf8(env, value, path, length + 1, &length) != napi_ok || length == 0 ||
      strlen(path) != length) {
    free(path);
    napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", "a path is neither empty nor has null characters");
    return NULL;
  }
  return path;
}

static void* OpenLibrary(napi_env env, const char* path, bool global) {
  char* problem = NULL;
  void* library = OpenShared(path, global, &problem);
  if (library == NULL)
    napi_throw_error(env, "ERR_DLOPEN_FAILED", problem == NULL ? "no memory to say why" : problem);
  free(problem);
  return library;
}

// The path that a function was called with, and whether the library is for everyone; NULL with an exception
// pending.
static char* TakeLibrary(napi_env env, napi_callback_info info, const char* expected, bool* global) {
  size_t count = 2;
  napi_value arguments[2];
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok) return NULL;
  if (count != 2 || napi_get_value_bool(env, arguments[1], global) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", expected);
    return NULL;
  }
  return TakePath(env, arguments[0], expected);
}

// open(path, global): opens a shared library and leaves it open until the process ends.
static napi_value Open(napi_env env, napi_callback_info info) {
  bool global;
  char* path = TakeLibrary(env, info, "open(path, global) takes a string and a boolean", &global);
  if (path == NULL) return NULL;
  OpenLibrary(env, path, global);
  free(path);
  return NULL;
}

static void OpenHere(napi_env env, void* data) {
  (void)env;
  opening* given = data;
  OpenShared(given->path, given->global, &given->problem);
}

static void SettleOpening(napi_env env, napi_status status, void* data) {
  opening* done = data;
  if (status == napi_ok && done->problem == NULL) {
    napi_value nothing;
    napi_get_undefined(env, &nothing);
    napi_resolve_deferred(env, done->deferred, nothing);
  } else {
    const char* text = done->problem == NULL ? "the thread is ending" : done->problem;
    napi_value code, message, error;
    napi_create_string_utf8(env, "ERR_DLOPEN_FAILED", NAPI_AUTO_LENGTH, &code);
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, code, message, &error);
    napi_reject_deferred(env, done->deferred, error);
  }
  napi_delete_async_work(env, done->work);
  free(done->problem);
  free(done->path);
  free(done);
}

// openOnThread(path, global): as `open`, on a thread of Node's pool. A promise.
static napi_value OpenOnThread(napi_env env, napi_callback_info info) {
  bool global;
  char* path = TakeLibrary(env, info, "openOnThread(path, global) takes a string and a boolean", &global);
  if (path == NULL) return NULL;
  opening* given = calloc(1, sizeof(opening));
  napi_value promise, name;
  if (given == NULL || napi_create_promise(env, &given->deferred, &promise) != napi_ok) {
    free(given);
    free(path);
    napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "no memory to open a library");
    return NULL;
  }
  given->path = path;
  given->global = global;
  if (napi_create_string_utf8(env, "openOnThread", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(env, NULL, name, OpenHere, SettleOpening, given, &given->work) != napi_ok ||
      napi_queue_async_work(env, given->work) != napi_ok) {
    SettleOpening(env, napi_generic_failure, given);
  }
  return promise;
}

// loadBinding(path): opens the binding and returns its exports, new ones for each environment: a worker
// thread loads the same library a second time.
static napi_value LoadBinding(napi_env env, napi_callback_info info) {
  static const char expected[] = "loadBinding(path) takes a string";
  size_t count = 1;
  napi_value argument;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok) return NULL;
  if (count != 1) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", expected);
    return NULL;
  }
  char* path = TakePath(env, argument, expected);
  if (path == NULL) return NULL;
  void* library = OpenLibrary(env, path, false);
  free(path);
  if (library == NULL) return NULL;
  init_function init = (init_function)FindFunction(library, "iba_init");
  if (init == NULL) {
    napi_throw_error(env, "ERR_DLOPEN_FAILED", "the library exports no iba_init");
    return NULL;
  }
  napi_value exports;
  if (napi_create_object(env, &exports) != napi_ok) return NULL;
  return init(env, exports);
}

static napi_status Export(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_status status = napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
  return status == napi_ok ? napi_set_named_property(env, exports, name, function) : status;
}

NAPI_MODULE_INIT() {
  if (Export(env, exports, "open", Open) != napi_ok) return NULL;
  if (Export(env, exports, "openOnThread", OpenOnThread) != napi_ok) return NULL;
  if (Export(env, exports, "loadBinding", LoadBinding) != napi_ok) return NULL;
  return exports;
}
