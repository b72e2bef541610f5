#include "network/operation.h"

namespace iba {

std::string kind(const Operation& operation) {
  if (const auto* op = std::get_if<Operator>(&operation)) return op->kind();
  static constexpr std::array<const char*, std::variant_size_v<Operation>> names = {
      "convolution",  "linear", "batch-norm",  "relu",    "max-pool", "average-pool",
      "average-pool", "add",    "concatenate", "flatten", "dropout",  "identity"};
  return names[operation.index()];
}

}  // namespace iba
