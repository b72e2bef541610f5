// Not run on Windows yet: docs/installation.md says how far that is prepared.

#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "library.h"

// A path as Windows takes it, to be freed. NULL where it isn't UTF-8, or there is no memory.
static wchar_t* Widen(const char* path) {
  int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
  wchar_t* wide = length > 0 ? malloc((size_t)length * sizeof(wchar_t)) : NULL;
  if (wide != NULL) MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, length);
  return wide;
}

// "path: what the system says", to be freed.
static char* Describe(const char* path, DWORD reason) {
  wchar_t said[512] = L"";
  DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK;
  DWORD length = FormatMessageW(flags, NULL, reason, 0, said, sizeof said / sizeof said[0], NULL);
  while (length > 0 && said[length - 1] == L' ') said[--length] = L'\0';
  size_t begin = strlen(path);
  int room = WideCharToMultiByte(CP_UTF8, 0, said, -1, NULL, 0, NULL, NULL);
  char* text = malloc(begin + 2 + (size_t)room);
  if (text == NULL) return NULL;
  memcpy(text, path, begin);
  memcpy(text + begin, ": ", 2);
  WideCharToMultiByte(CP_UTF8, 0, said, -1, text + begin + 2, room, NULL, NULL);
  return text;
}

// Whether a library is named without a folder, as the driver's is.
static bool IsBareName(const char* path) {
  return strpbrk(path, "/\\") == NULL;
}

void* OpenShared(const char* path, bool global, char** problem) {
  (void)global;  // whoever is linked to a library that is open finds it by its name
  wchar_t* wide = Widen(path);
  if (wide == NULL) {
    *problem = Describe(path, ERROR_NO_UNICODE_TRANSLATION);
    return NULL;
  }
  for (wchar_t* each = wide; *each != L'\0'; ++each) {
    if (*each == L'/') *each = L'\\';
  }
  // What a library needs lies beside it; a name alone is one of the system's and never of the working folder.
  DWORD flags = IsBareName(path) ? LOAD_LIBRARY_SEARCH_SYSTEM32 : LOAD_WITH_ALTERED_SEARCH_PATH;
  HMODULE library = LoadLibraryExW(wide, NULL, flags);
  if (library == NULL) *problem = Describe(path, GetLastError());
  free(wide);
  return library;
}

library_function FindFunction(void* library, const char* name) {
  return (library_function)GetProcAddress(library, name);
}
