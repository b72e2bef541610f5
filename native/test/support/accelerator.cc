#include "support/accelerator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <atomic>
#include <optional>

#include "support/closed_memory.h"

namespace iba::test {

namespace {

using at::Tensor;

const at::Device kDevice(at::kPrivateUse1, 0);
const c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

std::atomic<int64_t> waits = 0;
thread_local int kernels = 0;

/// While a kernel runs, what is copied is the device's own business.
struct Kernel {
  Kernel() { ++kernels; }
  ~Kernel() { --kernels; }
};

void count_wait() {
  if (kernels == 0) ++waits;
}

bool is_on_device(const Tensor& tensor) {
  return tensor.device().type() == kDevice.type();
}

ClosedMemory* memory() {
  static auto* all = new ClosedMemory(kDevice);
  return all;
}

class Generator : public c10::GeneratorImpl {
 public:
  explicit Generator(at::Generator host) : GeneratorImpl(kDevice, kKeys), host_(std::move(host)) {}

  const at::Generator& host() const { return host_; }

  void set_current_seed(uint64_t seed) override { host_.set_current_seed(seed); }
  void set_offset(uint64_t offset) override { host_.set_offset(offset); }
  uint64_t get_offset() const override { return host_.get_offset(); }
  uint64_t current_seed() const override { return host_.current_seed(); }
  uint64_t seed() override { return host_.seed(); }
  void set_state(const c10::TensorImpl& state) override { impl()->set_state(state); }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override { return impl()->get_state(); }

 private:
  Generator* clone_impl() const override { return new Generator(host_.clone()); }
  c10::GeneratorImpl* impl() const { return host_.unsafeGetGeneratorImpl(); }

  at::Generator host_;
};

struct Hooks : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    static auto* generator =
        new at::Generator(at::make_generator<Generator>(at::detail::createCPUGenerator()));
    return *generator;
  }
  at::Generator getNewGenerator(c10::DeviceIndex) const override {
    return at::make_generator<Generator>(at::detail::createCPUGenerator());
  }
};

/// Kernels are done when they return: no stream has anything to wait for.
struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::PrivateUse1> {
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  c10::Stream getStream(c10::Device) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, kDevice);
  }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return getStream(kDevice); }
  void* getStreamNativeHandle(const c10::Stream) const override { return nullptr; }
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeEvent(void*) const override {}
};

/// The tensor's memory, opened, as a tensor of the CPU.
class OnHost {
 public:
  explicit OnHost(const Tensor& tensor) : tensor_(tensor) {
    if (!is_on_device(tensor)) return;
    opened_.emplace(tensor.storage().data());
    tensor_ = at::from_blob(tensor.mutable_data_ptr(), tensor.sizes(), tensor.strides(),
                            tensor.options().device(at::kCPU));
  }
  Tensor& operator*() { return tensor_; }

 private:
  Tensor tensor_;
  std::optional<Opened> opened_;
};

Tensor empty(c10::IntArrayRef size, std::optional<c10::ScalarType> type, std::optional<c10::Layout>,
             std::optional<c10::Device>, std::optional<bool>, std::optional<c10::MemoryFormat> format) {
  return at::detail::empty_generic(size, memory(), kKeys, c10::dtype_or_default(type), format);
}

Tensor empty_strided(c10::IntArrayRef size, c10::IntArrayRef stride, std::optional<c10::ScalarType> type,
                     std::optional<c10::Layout>, std::optional<c10::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, memory(), kKeys, c10::dtype_or_default(type));
}

/// An output is resized before it is written: what it held needn't stay. Of its own size it keeps its layout.
const Tensor& resize(const Tensor& tensor, c10::IntArrayRef size, std::optional<c10::MemoryFormat>) {
  if (tensor.sizes() == size) return tensor;
  auto* impl = tensor.unsafeGetTensorImpl();
  impl->set_sizes_contiguous(size);
  size_t bytes = tensor.nbytes() + static_cast<size_t>(tensor.storage_offset()) * tensor.itemsize();
  if (bytes > tensor.storage().nbytes()) {
    tensor.storage().set_data_ptr_noswap(memory()->allocate(bytes));
    tensor.storage().set_nbytes(bytes);
  }
  return tensor;
}

Tensor copy_from(const Tensor& from, const Tensor& to, bool non_blocking) {
  if (!(is_on_device(from) && is_on_device(to)) && !non_blocking) count_wait();
  OnHost source(from), target(to);
  (*target).copy_(*source);
  return to;
}

Tensor copy_from_and_resize(const Tensor& from, const Tensor& to) {
  to.resize_(from.sizes());
  return copy_from(from, to, false);
}

at::Scalar number(const Tensor& tensor) {
  count_wait();
  return (*OnHost(tensor)).item();
}

void require_on_device(const Tensor& tensor, const std::string& name) {
  // Numbers are handed over by value, as on CUDA.
  if (!tensor.defined() || is_on_device(tensor) || tensor.dim() == 0) return;
  TORCH_CHECK(false, "Expected all tensors to be on the same device, but ", name, " was given one on ",
              tensor.device(), " beside those on ", kDevice, ".");
}

Tensor convolution(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                   c10::IntArrayRef stride, c10::IntArrayRef padding, c10::IntArrayRef dilation,
                   bool transposed, c10::IntArrayRef output_padding, int64_t groups) {
  require_on_device(x, "convolution");
  require_on_device(weight, "convolution");
  if (bias) require_on_device(*bias, "convolution");
  Kernel kernel;
  return at::convolution(x.cpu(), weight.cpu(), bias && bias->defined() ? bias->cpu() : Tensor(), stride,
                         padding, dilation, transposed, output_padding, groups)
      .to(kDevice);
}

std::tuple<Tensor, Tensor, Tensor> convolution_backward(const Tensor& gradient, const Tensor& x,
                                                        const Tensor& weight, c10::IntArrayRef stride,
                                                        c10::IntArrayRef padding, c10::IntArrayRef dilation,
                                                        bool transposed, c10::IntArrayRef output_padding,
                                                        int64_t groups, std::array<bool, 3> mask) {
  for (const auto& tensor : {gradient, x, weight}) require_on_device(tensor, "convolution_backward");
  Kernel kernel;
  std::optional<c10::IntArrayRef> bias_sizes;
  c10::DimVector channels{transposed ? weight.size(1) * groups : weight.size(0)};
  if (mask[2]) bias_sizes = channels;
  auto [by_x, by_weight, by_bias] =
      at::convolution_backward(gradient.cpu(), x.cpu(), weight.cpu(), bias_sizes, stride, padding, dilation,
                               transposed, output_padding, groups, mask);
  auto back = [](const Tensor& tensor) { return tensor.defined() ? tensor.to(kDevice) : tensor; };
  return {back(by_x), back(by_weight), back(by_bias)};
}

/// The device's generator becomes that of the CPU which it wraps.
c10::IValue generator_on_host(const at::Generator& generator) {
  TORCH_CHECK(!generator.defined() || generator.device().type() == kDevice.type(), "Expected a generator of ",
              kDevice, ", found one of ", generator.device(), ".");
  return generator.defined() ? generator.get<Generator>()->host() : generator;
}

/// In the order of the numbers' places, as on the CPU, however they lie.
Tensor& normal(Tensor& numbers, double mean, double deviation, std::optional<at::Generator> generator) {
  require_on_device(numbers, "normal_");
  Kernel kernel;
  const auto host = generator_on_host(generator ? *generator : at::Generator()).toGenerator();
  const Tensor drawn = at::empty(numbers.sizes()).normal_(mean, deviation, host);
  (*OnHost(numbers)).copy_(drawn);
  return numbers;
}

void run_on_host(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& name = op.schema().name();
  for (auto& argument : torch::jit::last(*stack, op.schema().arguments().size())) {
    if (argument.isTensor()) require_on_device(argument.toTensor(), name);
    if (argument.isTensorList()) {
      for (const Tensor& tensor : argument.toTensorVector()) require_on_device(tensor, name);
    }
  }
  for (size_t i = stack->size() - op.schema().arguments().size(); i < stack->size(); ++i) {
    auto& argument = (*stack)[i];
    if (argument.isGenerator()) argument = generator_on_host(argument.toGenerator());
  }
  Kernel kernel;
  at::native::cpu_fallback(op, stack);
}

}  // namespace

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  c10::register_privateuse1_backend("accelerator");
  c10::SetAllocator(at::kPrivateUse1, memory());
  at::RegisterPrivateUse1HooksInterface(new Hooks);
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_host>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("resize_", &resize);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_from_and_resize);
  library.impl("_local_scalar_dense", &number);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view", &at::native::view);
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("normal_", &normal);
  library.impl("unfold", &at::native::unfold);
  library.impl("convolution_overrideable", &convolution);
  library.impl("convolution_backward_overrideable", &convolution_backward);
}

at::Device accelerator() {
  return kDevice;
}

int64_t host_waits() {
  return waits;
}

}  // namespace iba::test
