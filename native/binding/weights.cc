#include "weights/weight_file.h"

#include "calls.h"
#include "executors.h"
#include "module.h"

namespace iba::binding {

/// A tensor of a file: `{ name, dtype, data, shape }` in JavaScript.
struct FileTensor {
  std::string name;
  at::Tensor tensor;
};

template <>
Napi::Value write<FileTensor>(Napi::Env env, const FileTensor& entry) {
  auto object = tensor_value(env, entry.tensor.to(at::kFloat)).As<Napi::Object>();
  object.Set("name", entry.name);
  object.Set("dtype", c10::toString(entry.tensor.scalar_type()));
  return object;
}

void fields(Of<WeightFile> auto& file, auto&& field) {
  std::vector<FileTensor> tensors;
  for (const auto& [name, tensor] : file.tensors) tensors.push_back({name, tensor});
  field("format", file.format);
  field("metadata", file.metadata);
  field("tensors", tensors);
}

namespace {

Task<WeightFile> read_weights(const std::filesystem::path& path) {
  return {image_executor(), [path] { return read_weight_file(path); }};
}

}  // namespace

void export_weights(Napi::Object exports) {
  export_call<read_weights>(exports, "readWeightFile", "path");
}

}  // namespace iba::binding
