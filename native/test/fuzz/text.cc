#include "io/text.h"

#include "io/json_reader.h"
#include "io/utf8.h"
#include "support/input.h"

void iba::fuzz::read(const Input& input) {
  const std::string text = input.text();
  io::first_lines(text);
  io::joined_some(io::split(text, ','));
  io::nearest("layer", io::split(text, '\n'));
  if (!io::is_utf8(text)) return;
  // What is written as JSON is read back as it was.
  if (io::JsonReader(io::json_string(text)).string() != text) std::abort();
  io::utf8_to_latin1(text);
}
