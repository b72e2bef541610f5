#pragma once

#include <stdexcept>
#include <string>

namespace iba {

/// An error with the stable code that the JavaScript side turns into its error class
/// ("INVALID_ARGUMENT", "MODEL", "WEIGHTS", "IMAGE", "STATISTICS", "PATTERNS", "DEVICE", "NATIVE",
/// "PROCESS_GROUP", "ABORTED").
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

}  // namespace iba
