#include "import/script_archive.h"

#include "support/input.h"

void iba::fuzz::read(const Input& input) {
  try {
    imported::read_script_archive(input.file());
  } catch (const c10::Error&) {
    // LibTorch inflates the code, and its errors are named by the caller.
  }
}
