#pragma once

#include <optional>
#include <string>

#include "error.h"

namespace iba::test {

/// The message of what `work` throws, "" where it throws nothing.
template <typename Work>
std::string message_of(const Work& work) {
  try {
    work();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// The code of the Error that `work` throws; none where it throws nothing or something else.
template <typename Work>
std::optional<ErrorCode> code_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  } catch (const std::exception&) {
  }
  return std::nullopt;
}

/// Whether a text contains another.
inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace iba::test
