#include "attribution/patterns.h"

#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "network/batch_norm_folding.h"

namespace iba::binding {

/// Patterns, and the network with folded batch norms that they are being fitted with; the latter is made when
/// it is first needed.
struct BoundPatterns {
  ModelPatterns patterns;
  std::optional<Network> folded = {};
};

template <>
struct HandleType<BoundPatterns> {
  static constexpr const char* name = "patterns";
  static constexpr napi_type_tag tag = {0x7e52c08d1b9f4a36, 0x93d1f7046ae85c2b};
};

namespace {

Napi::Value create_patterns(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  return make_handle(info.Env(), std::make_shared<BoundPatterns>(
                                     BoundPatterns{make_patterns(model->network, model->fingerprint)}));
}

/// Patterns may only be touched by work of the model's executor while they grow.
Napi::Value take_in_images(const Napi::CallbackInfo& info) {
  auto bound = from_handle<BoundPatterns>(info[0]);
  auto model = from_handle<Model>(info[1]);
  auto images = images_argument(info[2], info[3], *model);
  if (bound->patterns.weight_hash != model->fingerprint) {
    throw Error("PATTERNS",
                "These patterns were begun with another model. Fit them with one model throughout.");
  }
  Work work = [bound, model, images](const Cancellation&, const Progress&) -> Conversion {
    if (!bound->folded) bound->folded = fold_batch_norms(model->network);
    update_patterns(bound->patterns, *bound->folded, images.to(model->device));
    return [](Napi::Env env) { return env.Undefined(); };
  };
  return Environment::of(info.Env()).run(executor_of(model->device), std::move(work));
}

Napi::Value merge(const Napi::CallbackInfo& info) {
  auto sum = std::make_shared<BoundPatterns>(BoundPatterns{from_handle<BoundPatterns>(info[0])->patterns});
  merge_patterns(sum->patterns, from_handle<BoundPatterns>(info[1])->patterns);
  return make_handle(info.Env(), sum);
}

Napi::Value save_patterns(const Napi::CallbackInfo& info) {
  auto bound = from_handle<BoundPatterns>(info[0]);
  Work work = [bound, path = string_argument(info[1], "path")](const Cancellation&,
                                                               const Progress&) -> Conversion {
    PatternsFile::write(path, bound->patterns);
    return [](Napi::Env env) { return env.Undefined(); };
  };
  return Environment::of(info.Env()).run(image_executor(), std::move(work));
}

Napi::Value load_patterns(const Napi::CallbackInfo& info) {
  Work work = [path = string_argument(info[0], "path")](const Cancellation&, const Progress&) -> Conversion {
    auto bound = std::make_shared<BoundPatterns>(BoundPatterns{PatternsFile::read(path)});
    return [bound](Napi::Env env) { return make_handle(env, bound); };
  };
  return Environment::of(info.Env()).run(image_executor(), std::move(work));
}

Napi::Value describe_patterns(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  const auto& patterns = from_handle<BoundPatterns>(info[0])->patterns;
  auto layers = Napi::Array::New(env);
  for (const auto& [name, layer] : patterns.layers) {
    auto entry = Napi::Object::New(env);
    entry.Set("name", name);
    entry.Set("shape", to_shape(env, patterns.samples > 0 ? layer.shape() : at::IntArrayRef{}));
    layers.Set(layers.Length(), entry);
  }
  auto description = Napi::Object::New(env);
  description.Set("model", patterns.architecture);
  description.Set("weightHash", patterns.weight_hash);
  description.Set("samples", Napi::Number::New(env, static_cast<double>(patterns.samples)));
  description.Set("layers", layers);
  return description;
}

Napi::Value dispose_patterns(const Napi::CallbackInfo& info) {
  dispose_handle<BoundPatterns>(info[0]);
  return info.Env().Undefined();
}

}  // namespace

void export_patterns(Napi::Object exports) {
  export_function<create_patterns>(exports, "createPatterns");
  export_function<take_in_images>(exports, "updatePatterns");
  export_function<merge>(exports, "mergePatterns");
  export_function<save_patterns>(exports, "savePatterns");
  export_function<load_patterns>(exports, "loadPatterns");
  export_function<describe_patterns>(exports, "describePatterns");
  export_function<dispose_patterns>(exports, "disposePatterns");
}

}  // namespace iba::binding
