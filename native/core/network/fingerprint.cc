#include "network/fingerprint.h"

#include <cstring>

#include "io/hash.h"

namespace iba {

namespace {

void add_tensor(io::Hash64& hash, const at::Tensor& tensor) {
  at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* data = values.const_data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    uint32_t bits;
    std::memcpy(&bits, data + i, sizeof bits);
    hash.add(bits);
  }
}

}  // namespace

std::string weight_fingerprint(const Network& network) {
  io::Hash64 hash;
  for (const auto& [name, tensor] : network.parameters()) {
    for (unsigned char letter : name) hash.add(letter);
    add_tensor(hash, *tensor);
  }
  char text[17];
  snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash.value()));
  return text;
}

}  // namespace iba
