#include "evaluation/localisation.h"

#include "error.h"
#include "evaluation/tiles.h"

namespace iba {

namespace {

at::Tensor require_mask(const at::Tensor& mask) {
  at::Tensor inside = mask.ne(0);
  if (!inside.any().item<bool>())
    throw Error(ErrorCode::invalid_argument, "Expected a mask of at least one pixel.");
  return inside;
}

}  // namespace

Localisation localise(const at::Tensor& map, const at::Tensor& mask) {
  at::Tensor inside = require_mask(mask).flatten();
  at::Tensor values = map.flatten().to(at::kDouble);
  int64_t pixels = inside.sum().item<int64_t>();
  at::Tensor highest = ranks(values, true) < pixels;
  at::Tensor positive = values.clamp_min(0);
  double total = positive.sum().item<double>();
  double share = total > 0 ? positive.masked_select(inside).sum().item<double>() / total : 0;
  double found = highest.logical_and(inside).sum().item<double>();
  return {pixels, found / static_cast<double>(pixels), share};
}

bool points_at(const at::Tensor& map, const at::Tensor& mask, double tolerance) {
  at::Tensor inside = require_mask(mask).nonzero().to(at::kDouble);
  int64_t peak = ranks(map.flatten(), true).argmin().item<int64_t>();
  at::Tensor place = at::tensor(
      {static_cast<double>(peak / map.size(1)), static_cast<double>(peak % map.size(1))}, inside.options());
  return (inside - place).square().sum(1).min().item<double>() <= tolerance * tolerance;
}

}  // namespace iba
