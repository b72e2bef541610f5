#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "library.h"

void* OpenShared(const char* path, bool global, char** problem) {
  void* library = dlopen(path, RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL));
  if (library == NULL) *problem = strdup(dlerror());
  return library;
}

library_function FindFunction(void* library, const char* name) {
  library_function function;
  *(void**)&function = dlsym(library, name);  // ISO C has no cast from an object to a function pointer
  return function;
}
