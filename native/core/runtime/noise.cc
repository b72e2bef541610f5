#include "runtime/noise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

namespace iba {

namespace {

at::Generator make_generator(uint64_t seed, at::Device device) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  auto generator = at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  return generator;
}

}  // namespace

NoiseStream::NoiseStream(uint64_t seed, at::Device device) : generator_(make_generator(seed, device)) {}

at::Tensor& NoiseStream::fill(at::Tensor& tensor) {
  return tensor.normal_(0.0, 1.0, generator_);
}

}  // namespace iba
