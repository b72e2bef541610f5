#include "error.h"
#include "io/malformed.h"
#include "support/files.h"
#include "support/input.h"

namespace iba::fuzz {

std::filesystem::path Input::file() const {
  static const test::TemporaryFolder folder;
  return folder.write("input", text());
}

}  // namespace iba::fuzz

/// What libFuzzer calls for each input.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    iba::fuzz::read(iba::fuzz::Input({reinterpret_cast<const char*>(data), size}));
  } catch (const iba::io::Malformed&) {
  } catch (const iba::Error&) {
  }
  return 0;
}
