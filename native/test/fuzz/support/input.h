#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace iba::fuzz {

/// What the fuzzer made.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  std::string_view bytes() const { return bytes_; }
  std::string text() const { return std::string(bytes_); }

  /// A file that holds the bytes, until the next input.
  std::filesystem::path file() const;

 private:
  std::string_view bytes_;
};

/// Each target defines it: gives the input to a reader. The reader may throw Malformed or Error; whatever
/// else comes of it, a crash, another exception, too much memory or time, is a find.
void read(const Input& input);

}  // namespace iba::fuzz
