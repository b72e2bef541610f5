#pragma once

#include <vector>

#include "torch.h"

namespace iba {

/// Pieces of tensors that processes exchange together: one as it lies in memory, or several that are copied
/// behind each other.
class Bucket {
 public:
  bool takes(const at::Tensor& piece) const;
  void add(const at::Tensor& piece);

  const at::Tensor& first() const { return pieces_[0]; }

  /// The tensor to exchange, on that device.
  at::Tensor& pack(at::Device device);
  /// Gives the pieces what came back.
  void unpack() const;

 private:
  std::vector<at::Tensor> pieces_;
  int64_t bytes_ = 0;
  at::Tensor exchanged_;
};

/// All that the tensors hold, in buckets of at most 25 MB. The tensors are contiguous.
std::vector<Bucket> buckets_of(const std::vector<at::Tensor>& tensors);

}  // namespace iba
