#include "network/operation.h"

namespace iba {

std::string_view kind(const Operation& operation) {
  static constexpr std::array<std::string_view, std::variant_size_v<Operation>> names = {
      "convolution", "linear", "batch-norm", "relu", "max-pool", "average-pool", "add", "flatten", "dropout"};
  return names[operation.index()];
}

}  // namespace iba
