#pragma once

#include <ATen/record_function.h>

#include <map>
#include <string>
#include <vector>

#include "torch.h"

namespace iba::bench {

/// What calls of LibTorch operators took.
struct OperatorTotal {
  double seconds = 0;
  double flops = 0;  // of convolutions and linear layers, a multiplication and an addition counted as two
  double bytes = 0;  // of all tensors that are read or written, each once
};

OperatorTotal operator+(const OperatorTotal& a, const OperatorTotal& b);

/// While it lives, every LibTorch operator that this thread calls is timed; operators that others call inside
/// count for these. On a GPU each operator is waited for, so that times are longer than those of a run
/// without it. One at a time.
class OperatorTimes {
 public:
  explicit OperatorTimes(at::Device device);
  ~OperatorTimes();
  OperatorTimes(const OperatorTimes&) = delete;
  OperatorTimes& operator=(const OperatorTimes&) = delete;

  /// By the operator's name without its namespace, such as "convolution".
  const std::map<std::string, OperatorTotal>& totals() const { return totals_; }

  /// Call by call.
  const std::vector<OperatorTotal>& calls() const { return calls_; }

  /// The named operators together.
  OperatorTotal sum(const std::vector<std::string>& names) const;

 private:
  struct Call;
  static std::unique_ptr<at::ObserverContext> start(const at::RecordFunction& function);
  static void end(const at::RecordFunction& function, at::ObserverContext* context);

  static OperatorTimes* active_;
  at::Device device_;
  at::CallbackHandle handle_;
  int depth_ = 0;
  std::map<std::string, OperatorTotal> totals_;
  std::vector<OperatorTotal> calls_;
};

}  // namespace iba::bench
