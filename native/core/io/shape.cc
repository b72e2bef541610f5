#include "io/shape.h"

#include <algorithm>

#include "io/malformed.h"

namespace iba::io {

namespace {

constexpr size_t kMostDimensions = 64;
constexpr int64_t kMostElements = int64_t{1} << 33;

}  // namespace

int64_t checked_numel(const std::vector<int64_t>& shape) {
  if (shape.size() > kMostDimensions) throw Malformed("a tensor has more than 64 dimensions");
  int64_t product = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) throw Malformed("a tensor has the negative size " + std::to_string(size));
    empty |= size == 0;
    if (__builtin_mul_overflow(product, std::max<int64_t>(size, 1), &product) || product > kMostElements) {
      throw Malformed("a tensor has more than 2^33 elements");
    }
  }
  return empty ? 0 : product;
}

void normalise_booleans(void* data, uint64_t bytes) {
  auto* values = static_cast<uint8_t*>(data);
  std::transform(values, values + bytes, values, [](uint8_t value) -> uint8_t { return value != 0; });
}

at::Tensor empty_tensor(const std::vector<int64_t>& shape, at::ScalarType type) {
  return at::empty(shape, at::TensorOptions().dtype(type).device(at::kCPU));
}

}  // namespace iba::io
