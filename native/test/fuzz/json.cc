#include "io/json_value.h"

#include "support/input.h"

void iba::fuzz::read(const Input& input) {
  io::JsonValue::parse(input.bytes(), "the input is no JSON");
}
