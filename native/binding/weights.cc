#include "weights/weight_file.h"

#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "module.h"

namespace iba::binding {

namespace {

Napi::Value to_js(Napi::Env env, const WeightFile& file) {
  auto tensors = Napi::Array::New(env, file.tensors.size());
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    const auto& [name, tensor] = file.tensors[i];
    auto entry = Napi::Object::New(env);
    entry.Set("name", name);
    entry.Set("dtype", c10::toString(tensor.scalar_type()));
    entry.Set("shape", to_shape(env, tensor.sizes()));
    entry.Set("data", to_float_array(env, tensor));
    tensors.Set(static_cast<uint32_t>(i), entry);
  }
  auto result = Napi::Object::New(env);
  result.Set("format", file.format);
  result.Set("metadata", to_object(env, file.metadata));
  result.Set("tensors", tensors);
  return result;
}

Napi::Value read_weights(const Napi::CallbackInfo& info) {
  Work work = [path = string_argument(info[0], "path")](const Cancellation&, const Progress&) -> Conversion {
    return [file = read_weight_file(path)](Napi::Env env) { return to_js(env, file); };
  };
  return Environment::of(info.Env()).run(image_executor(), std::move(work));
}

Napi::Value write_weights(const Napi::CallbackInfo& info) {
  auto entries = array_argument(info[1], "tensors");
  NamedTensors tensors;
  for (uint32_t i = 0; i < entries.Length(); ++i) {
    auto entry = object_argument(entries[i], "tensor");
    auto shape = shape_argument(entry["shape"]);
    at::Tensor tensor = float_tensor_argument(entry["data"], shape, "data");
    tensors.emplace_back(string_argument(entry["name"], "name"), tensor);
  }
  std::map<std::string, std::string> metadata;
  auto given = object_argument(info[2], "metadata");
  for (const auto& [key, value] : given) {
    metadata[key.ToString().Utf8Value()] = string_argument(value, "metadata");
  }
  Work work = [path = string_argument(info[0], "path"), tensors, metadata](const Cancellation&,
                                                                           const Progress&) {
    write_safetensors(path, tensors, metadata);
    return [](Napi::Env env) { return env.Undefined(); };
  };
  return Environment::of(info.Env()).run(image_executor(), std::move(work));
}

}  // namespace

void export_weights(Napi::Object exports) {
  export_function<read_weights>(exports, "readWeightFile");
  export_function<write_weights>(exports, "writeSafetensors");
}

}  // namespace iba::binding
