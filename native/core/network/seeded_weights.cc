#include "network/seeded_weights.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "io/hash.h"

namespace iba {

Tensor seeded_normal(const std::string& name, uint64_t seed, at::IntArrayRef shape, double std) {
  auto generator = at::detail::createCPUGenerator((io::crc32(name) + seed) & 0xFFFFFFFFu);
  return at::empty(shape, at::kFloat).normal_(0.0, std, generator);
}

void seed_weights(Network& network, uint64_t seed) {
  seed_weights(network, seed, [](const std::string&) { return true; });
}

void seed_weights(Network& network, uint64_t seed, const std::function<bool(const std::string&)>& chosen) {
  auto parameters = network.parameters();
  bool has_third = false;
  for (const auto& [name, tensor] : parameters) has_third |= name.ends_with("bn3.weight");
  const std::string last_batch_norm = has_third ? "bn3.weight" : "bn2.weight";

  for (auto& [name, tensor] : parameters) {
    if (!chosen(name)) continue;
    const std::string& key = name;
    const at::IntArrayRef shape = tensor->sizes();
    auto normal = [&](double std) { return seeded_normal(key, seed, shape, std); };
    auto constant = [&](double value) { return at::full(shape, value, at::kFloat); };
    if (tensor->dim() >= 2) {
      double fan_in = static_cast<double>(tensor->numel() / tensor->size(0));
      *tensor = normal(std::sqrt(2.0 / fan_in));
    } else if (name.ends_with("running_var")) {
      *tensor = constant(1.0);
    } else if (name.ends_with("running_mean")) {
      *tensor = normal(0.1);
    } else if (name.ends_with("weight")) {
      *tensor = constant(name.ends_with(last_batch_norm) ? 0.2 : 1.0);
    } else {
      *tensor = normal(0.05);
    }
  }
}

}  // namespace iba
