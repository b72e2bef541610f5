#include "network/seeded_weights.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

namespace iba {

namespace {

uint32_t crc32(const std::string& text) {
  uint32_t crc = 0xFFFFFFFFu;
  for (unsigned char byte : text) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

bool ends_with(const std::string& text, const std::string& ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

}  // namespace

Tensor seeded_normal(const std::string& name, uint64_t seed, at::IntArrayRef shape, double deviation) {
  auto generator = at::detail::createCPUGenerator((crc32(name) + seed) & 0xFFFFFFFFu);
  return at::empty(shape, at::kFloat).normal_(0.0, deviation, generator);
}

void seed_weights(Network& network, uint64_t seed) {
  seed_weights(network, seed, [](const std::string&) { return true; });
}

void seed_weights(Network& network, uint64_t seed, const std::function<bool(const std::string&)>& chosen) {
  auto parameters = network.parameters();
  bool has_third = false;
  for (const auto& [name, tensor] : parameters) has_third |= ends_with(name, "bn3.weight");
  const std::string last_batch_norm = has_third ? "bn3.weight" : "bn2.weight";

  for (auto& [name, tensor] : parameters) {
    if (!chosen(name)) continue;
    auto normal = [&](double deviation) { return seeded_normal(name, seed, tensor->sizes(), deviation); };
    auto constant = [&](double value) { return at::full(tensor->sizes(), value, at::kFloat); };
    if (tensor->dim() >= 2) {
      double fan_in = static_cast<double>(tensor->numel() / tensor->size(0));
      *tensor = normal(std::sqrt(2.0 / fan_in));
    } else if (ends_with(name, "running_var")) {
      *tensor = constant(1.0);
    } else if (ends_with(name, "running_mean")) {
      *tensor = normal(0.1);
    } else if (ends_with(name, "weight")) {
      *tensor = constant(ends_with(name, last_batch_norm) ? 0.2 : 1.0);
    } else {
      *tensor = normal(0.05);
    }
  }
}

}  // namespace iba
