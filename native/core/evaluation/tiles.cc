#include "evaluation/tiles.h"

#include "error.h"

namespace iba {

Tiles::Tiles(int64_t height, int64_t width, int64_t side) : rows_(height / side), columns_(width / side) {
  if (count() == 0) {
    throw Error(ErrorCode::invalid_argument, "A tile of " + std::to_string(side) +
                                                 " pixels is larger than the image, " +
                                                 std::to_string(width) + "×" + std::to_string(height) + ".");
  }
  at::Tensor row = at::arange(height).floor_divide(side).clamp_max(rows_ - 1);
  at::Tensor column = at::arange(width).floor_divide(side).clamp_max(columns_ - 1);
  of_pixels_ = row.unsqueeze(1) * columns_ + column;
}

at::Tensor Tiles::spread(const at::Tensor& values) const {
  auto shape = values.sizes().vec();
  shape.back() = of_pixels_.size(0);
  shape.push_back(of_pixels_.size(1));
  return values.index_select(-1, of_pixels_.flatten().to(values.device())).view(shape);
}

at::Tensor Tiles::means(const at::Tensor& map) const {
  at::Tensor sums = at::zeros({count()}, at::kDouble);
  at::Tensor pixels = at::zeros({count()}, at::kDouble);
  at::Tensor index = of_pixels_.flatten();
  at::Tensor values = map.flatten().to(at::kCPU, at::kDouble);
  return sums.index_add_(0, index, values) / pixels.index_add_(0, index, at::ones_like(values));
}

at::Tensor ranks(const at::Tensor& values, bool highest_first) {
  at::Tensor order = at::argsort(values, /*stable=*/true, 0, highest_first);
  return at::empty_like(order).scatter_(0, order, at::arange(order.size(0), order.options()));
}

}  // namespace iba
