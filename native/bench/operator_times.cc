#include "operator_times.h"

#include <ATen/core/function_schema.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>

#include "measure.h"

namespace iba::bench {

namespace {

using at::Tensor;

using Clock = std::chrono::steady_clock;

/// Of a layer's weight: twice as many as lead to one of its outputs.
double flops_per_output(const Tensor& weight) {
  return 2.0 * static_cast<double>(weight.numel() / weight.size(0));
}

/// The operations that one number of the result takes, or where an input's gradient is asked for, one of the
/// gradient that comes. 0 for operators that are no convolution or linear layer.
double flops_per_number(const at::RecordFunction& function) {
  std::string_view name = function.name();
  auto input = [&](size_t i) { return function.inputs()[i].toTensor(); };
  if (name == "aten::mm") return 2.0 * static_cast<double>(input(1).size(0));
  if (name == "aten::addmm") return 2.0 * static_cast<double>(input(2).size(0));
  if (name == "aten::convolution" || name == "aten::linear") return flops_per_output(input(1));
  if (name == "mkldnn::_convolution_pointwise") {
    const bool adds = function.operator_schema()->overload_name() == "binary";
    return flops_per_output(input(adds ? 2 : 1));
  }
  return name == "aten::convolution_backward" ? flops_per_output(input(2)) : 0;
}

/// Adds up the memory of tensors, that of each once, and of expanded ones what they expand.
class Memory {
 public:
  void add(const at::IValue& value) {
    if (value.isTensorList()) {
      for (const Tensor& tensor : value.toTensorList()) add(tensor);
    } else if (value.isTensor()) {
      add(value.toTensor());
    }
  }
  double bytes() const { return bytes_; }

 private:
  void add(const Tensor& tensor) {
    if (!tensor.defined()) return;
    // Packed weights have no storage.
    const bool is_packed = !tensor.has_storage();
    const void* memory = is_packed ? tensor.unsafeGetTensorImpl() : tensor.const_data_ptr();
    if (!seen_.insert(memory).second) return;
    const size_t bytes = tensor.numel() * tensor.itemsize();
    bytes_ += static_cast<double>(is_packed ? bytes : std::min(bytes, tensor.storage().nbytes()));
  }

  std::set<const void*> seen_;
  double bytes_ = 0;
};

}  // namespace

OperatorTotal operator+(const OperatorTotal& a, const OperatorTotal& b) {
  return {a.seconds + b.seconds, a.flops + b.flops, a.bytes + b.bytes};
}

/// One call that runs. Its inputs can be seen at its start only, its output at its end only.
struct OperatorTimes::Call : at::ObserverContext {
  explicit Call(const at::RecordFunction& function) : flops_per_number(bench::flops_per_number(function)) {
    for (const auto& input : function.inputs()) memory.add(input);
    if (std::string_view(function.name()) == "aten::convolution_backward")
      arriving = static_cast<double>(function.inputs()[0].toTensor().numel());
  }

  double flops_per_number;
  std::optional<double> arriving;  // numbers of the gradient
  Memory memory;
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
    if (auto found = totals_.find(name); found != totals_.end()) sum = sum + found->second;
  }
  return sum;
}

std::unique_ptr<at::ObserverContext> OperatorTimes::start(const at::RecordFunction& function) {
  if (active_->depth_++ > 0) return nullptr;
  wait_for(active_->device_);
  return std::make_unique<Call>(function);
}

void OperatorTimes::end(const at::RecordFunction& function, at::ObserverContext* context) {
  if (--active_->depth_ > 0) return;
  wait_for(active_->device_);
  auto ended = Clock::now();
  auto& call = *static_cast<Call*>(context);
  OperatorTotal taken{.seconds = std::chrono::duration<double>(ended - call.started).count()};
  for (const auto& output : function.outputs()) call.memory.add(output);
  taken.bytes = call.memory.bytes();
  if (call.flops_per_number > 0) {
    taken.flops = call.flops_per_number *
                  call.arriving.value_or(static_cast<double>(function.outputs()[0].toTensor().numel()));
  }
  std::string name = function.name();
  auto& total = active_->totals_[name.substr(name.rfind(':') + 1)];
  total = total + taken;
  active_->calls_.push_back(taken);
}

}  // namespace iba::bench
