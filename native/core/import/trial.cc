#include "import/trial.h"

#include <algorithm>

#include "network/seeded_weights.h"

namespace iba::imported {

namespace {

constexpr int64_t kMorePixels = 32;

/// Texts end with the last token, which most of CLIP's models read at.
Tensor ids(int64_t rows, int64_t length, int64_t tokens) {
  Tensor numbers = seeded_normal("trial", 0, {rows, 1, 1, length}, 1.0).abs().mul(1e6).to(at::kLong);
  Tensor found = numbers.remainder(std::max<int64_t>(tokens - 1, 1));
  found.select(3, length - 1).fill_(tokens - 1);
  return found;
}

}  // namespace

Tensor Trial::inputs(int64_t rows) const {
  return tokens ? ids(rows, width, *tokens) : seeded_normal("trial", 0, {rows, channels, height, width}, 1.0);
}

Tensor Trial::inputs_of_another_size(int64_t rows) const {
  if (tokens) return ids(rows, width / 2, *tokens);
  return seeded_normal("trial", 0, {rows, channels, height + 2 * kMorePixels, width + kMorePixels}, 1.0);
}

}  // namespace iba::imported
