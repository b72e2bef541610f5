#include "runtime/noise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include "runtime/threads.h"

namespace iba {

namespace {

at::Generator make_generator(uint64_t seed, at::Device device) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  auto generator = at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  return generator;
}

}  // namespace

NoiseStream::NoiseStream(uint64_t seed, at::Device device)
    : generator_(make_generator(seed, device)), device_(device) {}

at::Tensor NoiseStream::draw(at::IntArrayRef shape) {
  at::Tensor drawn = at::empty(shape, at::TensorOptions(device_));
  fill(drawn);
  return drawn;
}

void NoiseStream::fill(at::Tensor& numbers) {
  numbers.normal_(0.0, 1.0, generator_);
}

NoiseAhead::NoiseAhead(Draw draw, int64_t count, at::Device device)
    : draw_(std::move(draw)), remaining_(count), ahead_(device.is_cpu()) {
  if (ahead_) start();
}

std::vector<at::Tensor> NoiseAhead::next() {
  if (!ahead_) return draw_();
  std::vector<at::Tensor> noise = coming_.get();
  start();
  return noise;
}

void NoiseAhead::start() {
  if (remaining_-- == 0) return;
  coming_ = std::async(std::launch::async, [this] {
    at::NoGradGuard no_grad;
    // Beside the cores that compute, one thread is all there is to spare.
    compute_on_threads(1);
    return draw_();
  });
}

}  // namespace iba
