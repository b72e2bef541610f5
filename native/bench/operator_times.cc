#include "operator_times.h"

#include <chrono>

#include "measure.h"

namespace iba::bench {

namespace {

using Clock = std::chrono::steady_clock;

/// The operations that one number of the result takes: twice the weights that lead to it. 0 for operators
/// that are no convolution or linear layer.
double flops_per_output(const at::RecordFunction& function) {
  std::string_view name = function.name();
  auto input = [&](size_t i) { return function.inputs()[i].toTensor(); };
  if (name == "aten::mm") return 2.0 * static_cast<double>(input(1).size(0));
  if (name == "aten::addmm") return 2.0 * static_cast<double>(input(2).size(0));
  if (name != "aten::convolution" && name != "aten::linear") return 0;
  return 2.0 * static_cast<double>(input(1).numel() / input(1).size(0));
}

}  // namespace

/// One call that runs. Its inputs can be seen at its start only, its output at its end only.
struct OperatorTimes::Call : at::ObserverContext {
  explicit Call(double flops) : flops_per_output(flops) {}

  double flops_per_output;
  Clock::time_point started = Clock::now();
};

OperatorTimes* OperatorTimes::active_ = nullptr;

OperatorTimes::OperatorTimes(at::Device device) : device_(device) {
  active_ = this;
  handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&start, &end)
                                           .needsInputs(true)
                                           .needsOutputs(true)
                                           .scopes({at::RecordScope::FUNCTION}));
}

OperatorTimes::~OperatorTimes() {
  at::removeCallback(handle_);
  active_ = nullptr;
}

OperatorTotal OperatorTimes::sum(const std::vector<std::string>& names) const {
  OperatorTotal sum;
  for (const auto& name : names) {
    auto found = totals_.find(name);
    if (found == totals_.end()) continue;
    sum.seconds += found->second.seconds;
    sum.flops += found->second.flops;
  }
  return sum;
}

std::unique_ptr<at::ObserverContext> OperatorTimes::start(const at::RecordFunction& function) {
  if (active_->depth_++ > 0) return nullptr;
  wait_for(active_->device_);
  return std::make_unique<Call>(flops_per_output(function));
}

void OperatorTimes::end(const at::RecordFunction& function, at::ObserverContext* context) {
  if (--active_->depth_ > 0) return;
  wait_for(active_->device_);
  auto ended = Clock::now();
  const auto& call = *static_cast<Call*>(context);
  std::string name = function.name();
  auto& total = active_->totals_[name.substr(name.rfind(':') + 1)];
  total.seconds += std::chrono::duration<double>(ended - call.started).count();
  if (call.flops_per_output > 0) {
    total.flops += call.flops_per_output * static_cast<double>(function.outputs()[0].toTensor().numel());
  }
}

}  // namespace iba::bench
