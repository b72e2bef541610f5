// Shared libraries, as the system opens them.

#ifndef IBA_LOADER_LIBRARY_H
#define IBA_LOADER_LIBRARY_H

#include <stdbool.h>

typedef void (*library_function)(void);

// Opens a library and leaves it open until the process ends; with `global`, what comes later finds what it
// exports. NULL where that fails: the reason, to be freed, is in `problem`.
void* OpenShared(const char* path, bool global, char** problem);

// NULL where the library exports no such function.
library_function FindFunction(void* library, const char* name);

#endif
