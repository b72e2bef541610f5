#include "support/input.h"
#include "weights/pytorch_file.h"
#include "weights/state_dicts.h"

void iba::fuzz::read(const Input& input) {
  const io::InputFile file(input.file());
  find_state_dicts(weights::read_legacy_stream(file, "input"));
}
