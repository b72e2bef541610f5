#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace iba {

/// Every kind of error, by its stable name, which JavaScript sees as `code`.
#define IBA_ERROR_CODES(code)                                                                               \
  code(invalid_argument, "INVALID_ARGUMENT") code(model, "MODEL") code(weights, "WEIGHTS")                  \
      code(image, "IMAGE") code(statistics, "STATISTICS") code(patterns, "PATTERNS") code(device, "DEVICE") \
          code(native, "NATIVE") code(process_group, "PROCESS_GROUP") code(disposed, "DISPOSED")            \
              code(not_finite, "NOT_FINITE") code(aborted, "ABORTED")

enum class ErrorCode {
#define IBA_ERROR_CODE(code, name) code,
  IBA_ERROR_CODES(IBA_ERROR_CODE)
#undef IBA_ERROR_CODE
};

constexpr std::string_view kErrorCodeNames[] = {
#define IBA_ERROR_CODE(code, name) name,
    IBA_ERROR_CODES(IBA_ERROR_CODE)
#undef IBA_ERROR_CODE
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace iba
