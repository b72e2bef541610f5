#include "network/fingerprint.h"

#include <cstring>

namespace iba {

namespace {

constexpr uint64_t kOffset = 0xcbf29ce484222325;
constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;

uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * kPrime;
  return hash ^ (hash >> 29);
}

uint64_t hash_tensor(uint64_t hash, const at::Tensor& tensor) {
  at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* data = values.const_data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    uint32_t bits;
    std::memcpy(&bits, data + i, sizeof bits);
    hash = mix(hash, bits);
  }
  return hash;
}

}  // namespace

std::string weight_fingerprint(const Network& network) {
  uint64_t hash = kOffset;
  for (const auto& [name, tensor] : network.parameters()) {
    for (unsigned char letter : name) hash = mix(hash, letter);
    hash = hash_tensor(hash, *tensor);
  }
  char text[17];
  snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace iba
