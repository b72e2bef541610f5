#pragma once

#include <stdexcept>
#include <string>

namespace iba::io {

/// What is wrong inside a file, without the file's name, which only the public functions know.
class Malformed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Turns the exception being handled into an iba::Error "WEIGHTS" that begins with the file's name.
[[noreturn]] void rethrow_naming_file(const std::string& file_name);

/// Calls `work`; what fails in it is reported with the file's name.
template <typename Work>
auto naming_file(const std::string& file_name, Work work) {
  try {
    return work();
  } catch (...) {
    rethrow_naming_file(file_name);
  }
}

}  // namespace iba::io
