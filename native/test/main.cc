// The core's tests. `--device cuda` runs those of native/test/device as well, which compare with the CPU.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>
#include <exception>

#include "support/device.h"

namespace {

/// What stands after `--device`, or null where that isn't given.
const char* device_of(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--device") == 0) return i + 1 < count ? arguments[i + 1] : "";
  }
  return nullptr;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    doctest::Context context(count, arguments);
    if (const char* device = device_of(count, arguments)) {
      iba::test::choose_test_device(device);
    } else {
      context.addFilter("source-file-exclude", "*/test/device/*");
      std::puts("The tests that compare a device with the CPU are left out: --device cuda runs them.");
    }
    return context.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
