#include "io/malformed.h"

#include <cstddef>
#include <cstdint>
#include <new>

#include "error.h"
#include "io/text.h"
#include "io/utf8.h"
#include "torch.h"

namespace iba::io {

namespace {

constexpr size_t kLongestReason = 600;

/// A reason may quote names from the file, which can be of any length and content.
std::string readable(std::string reason) {
  if (reason.size() > kLongestReason) reason = reason.substr(0, kLongestReason) + " ...";
  const bool utf8 = is_utf8(reason);
  for (char& c : reason) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) c = '?';
  }
  return reason;
}

}  // namespace

void rethrow_naming_file(const std::string& file_name) {
  auto error_for = [&](const std::string& reason) {
    return Error(ErrorCode::weights, "'" + file_name + "': " + readable(reason));
  };
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    throw error_for(first_lines(error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    throw error_for("there is not enough memory for it");
  } catch (const std::exception& error) {
    throw error_for(error.what());
  }
}

}  // namespace iba::io
