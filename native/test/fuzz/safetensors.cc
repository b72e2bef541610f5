#include "io/safetensors.h"

#include "support/input.h"

void iba::fuzz::read(const Input& input) {
  const io::InputFile file(input.file());
  if (io::looks_like_safetensors(file)) io::read_safetensors(file);
}
