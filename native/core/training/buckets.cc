#include "training/buckets.h"

#include <algorithm>

namespace iba {

namespace {

constexpr int64_t kBucketBytes = 25 << 20;

}  // namespace

bool Bucket::takes(const at::Tensor& piece) const {
  return pieces_.empty() ||
         (bytes_ + static_cast<int64_t>(piece.nbytes()) <= kBucketBytes &&
          piece.scalar_type() == pieces_[0].scalar_type() && piece.device() == pieces_[0].device());
}

void Bucket::add(const at::Tensor& piece) {
  pieces_.push_back(piece);
  bytes_ += static_cast<int64_t>(piece.nbytes());
}

at::Tensor& Bucket::pack(at::Device device) {
  exchanged_ = (pieces_.size() == 1 ? pieces_[0] : at::cat(pieces_)).to(device);
  return exchanged_;
}

void Bucket::unpack() const {
  int64_t begin = 0;
  for (const auto& piece : pieces_) {
    at::Tensor part = exchanged_.narrow(0, begin, piece.numel());
    if (part.data_ptr() != piece.data_ptr()) at::Tensor(piece).copy_(part);
    begin += piece.numel();
  }
}

std::vector<Bucket> buckets_of(const std::vector<at::Tensor>& tensors) {
  std::vector<Bucket> buckets;
  for (const auto& tensor : tensors) {
    at::Tensor flat = tensor.view(-1);
    int64_t most = kBucketBytes / static_cast<int64_t>(flat.element_size());
    for (int64_t begin = 0; begin < flat.numel(); begin += most) {
      at::Tensor piece = flat.narrow(0, begin, std::min(most, flat.numel() - begin));
      if (buckets.empty() || !buckets.back().takes(piece)) buckets.emplace_back();
      buckets.back().add(piece);
    }
  }
  return buckets;
}

}  // namespace iba
