#include "finite.h"

#include <cctype>
#include <cmath>

namespace iba {

namespace {

[[noreturn]] void refuse(ErrorCode code, std::string what, const std::string& remedy) {
  what[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(what[0])));
  throw Error(code, what + ": expected finite numbers, found NaN or infinity. " + remedy);
}

}  // namespace

bool is_finite(const at::Tensor& values) {
  if (values.numel() == 0 || !values.is_floating_point()) return true;
  // NaN takes over both.
  auto [least, greatest] = at::aminmax(values);
  // Of both at once, so that a device is waited for once.
  at::Tensor bounds = at::stack({least, greatest}).to(at::kCPU, at::kDouble);
  return std::isfinite(bounds[0].item<double>()) && std::isfinite(bounds[1].item<double>());
}

void require_finite(const at::Tensor& values, ErrorCode code, const std::string& what,
                    const std::string& remedy) {
  if (!is_finite(values)) refuse(code, what, remedy);
}

void require_finite_rows(const at::Tensor& rows, const std::vector<std::string>& names,
                         const std::string& what) {
  if (is_finite(rows)) return;
  int64_t row = 0;
  while (is_finite(rows.select(0, row))) ++row;
  refuse(ErrorCode::not_finite, what + " for '" + names.at(row) + "'",
         "Check the model's weights, or leave the image out.");
}

void require_finite(double value, ErrorCode code, const std::string& what, const std::string& remedy) {
  if (!std::isfinite(value)) refuse(code, what, remedy);
}

}  // namespace iba
