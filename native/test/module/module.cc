#include <map>

#include "binding/calls.h"
#include "io/safetensors.h"
#include "network/seeded_weights.h"
#include "training.h"

namespace iba::binding {

/// `{ name, data, shape }`
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

template <>
NamedTensor read<NamedTensor>(const Napi::Value& value, const char* name, Bounds) {
  auto object = object_argument(value, name);
  return {string_argument(object["name"], "name"), read<at::Tensor>(value, name)};
}

namespace {

/// Standard normal numbers, the same wherever they are made.
at::Tensor noise(const std::string& name, uint64_t seed, const std::vector<int64_t>& shape) {
  return seeded_normal(name, seed, shape, 1.0);
}

void write_tensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                   const std::map<std::string, std::string>& metadata) {
  NamedTensors named;
  for (const auto& [name, tensor] : tensors) named.emplace_back(name, tensor);
  write_safetensors(path, named, metadata);
}

Napi::Object initialise(Napi::Env, Napi::Object exports) {
  export_call<noise>(exports, "seededNormal", "name", "seed", "shape");
  export_call<write_tensors>(exports, "writeSafetensors", "path", "tensors", "metadata");
  export_training(exports);
  return exports;
}

}  // namespace

}  // namespace iba::binding

/// Called by the loader, as the binding's. There is no thread here: every call returns when its work is done.
extern "C" __attribute__((visibility("default"))) napi_value iba_init(napi_env env, napi_value exports) {
  return Napi::RegisterModule(env, exports, iba::binding::initialise);
}
