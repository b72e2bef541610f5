#include "precision.h"

#include <ATen/Context.h>

#include <array>
#include <string_view>

#include "network/precision.h"

namespace iba::bench {

namespace {

/// In the order of the enumeration.
constexpr std::array<std::string_view, 3> kNames = {"float32", "tf32", "bfloat16"};

}  // namespace

std::string name_of(Precision precision) {
  return std::string(kNames[static_cast<size_t>(precision)]);
}

std::optional<Precision> precision_named(const std::string& name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Precision>(i);
  }
  return std::nullopt;
}

Network use_precision(const Network& network, Precision precision) {
  bool allows_tf32 = precision == Precision::tf32;
  at::globalContext().setAllowTF32CuBLAS(allows_tf32);
  at::globalContext().setAllowTF32CuDNN(allows_tf32);
  return in_precision(network, precision == Precision::bfloat16 ? at::kBFloat16 : at::kFloat);
}

}  // namespace iba::bench
