#include "attribution/patterns.h"

#include "calls.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "network/batch_norm_folding.h"
#include "runtime/device.h"

namespace iba::binding {

namespace {

using SharedPatterns = std::shared_ptr<BoundPatterns>;

struct FittedLayer {
  std::string name;
  std::vector<int64_t> shape;  // of its weights; empty before the first image
};

void fields(Of<FittedLayer> auto& layer, auto&& field) {
  field("name", layer.name);
  field("shape", layer.shape);
}

SharedPatterns share(ModelPatterns patterns) {
  return std::make_shared<BoundPatterns>(BoundPatterns{std::move(patterns)});
}

SharedPatterns create_patterns(const std::shared_ptr<Model>& model, const std::string& estimator) {
  return share(make_patterns(model->network, model->fingerprint, estimator_named(estimator)));
}

/// Patterns may only be touched by work of the model's executor while they grow.
Task<void> update_patterns(const SharedPatterns& patterns, const std::shared_ptr<Model>& model,
                           const Tensor& images, const std::vector<std::string>& names) {
  check_images(images, *model);
  check_names(names, images.size(0));
  if (patterns->patterns.weight_hash != model->fingerprint) {
    throw Error(ErrorCode::patterns,
                "These patterns were begun with another model. Fit them with one model throughout.");
  }
  return {executor_of(model->device), [patterns, model, images, names] {
            if (!patterns->folded) patterns->folded = fold_batch_norms(model->network);
            update_patterns(patterns->patterns, *patterns->folded, sent_to(model->device, images), names);
          }};
}

SharedPatterns merge_patterns(const SharedPatterns& first, const SharedPatterns& second) {
  auto sum = share(first->patterns);
  merge_patterns(sum->patterns, second->patterns);
  return sum;
}

Task<void> save_patterns(const SharedPatterns& patterns, const std::filesystem::path& path) {
  return {image_executor(), [patterns, path] { PatternsFile::write(path, patterns->patterns); }};
}

Task<SharedPatterns> load_patterns(const std::filesystem::path& path) {
  return {image_executor(), [path] { return share(PatternsFile::read(path)); }};
}

const ModelPatterns& describe_patterns(const SharedPatterns& patterns) {
  return patterns->patterns;
}

}  // namespace

void fields(Of<ModelPatterns> auto& patterns, auto&& field) {
  std::vector<FittedLayer> layers;
  for (const auto& [name, layer] : patterns.layers)
    layers.push_back({name, patterns.samples > 0 ? layer.shape().vec() : std::vector<int64_t>()});
  field("model", patterns.architecture);
  field("weightHash", patterns.weight_hash);
  field("estimator", name_of(patterns.estimator));
  field("samples", patterns.samples);
  field("layers", layers);
}

void export_patterns(Napi::Object exports) {
  export_call<create_patterns>(exports, "createPatterns", "model", "estimator");
  export_call<update_patterns>(exports, "updatePatterns", "patterns", "model", "images", "names");
  export_call<merge_patterns>(exports, "mergePatterns", "first", "second");
  export_call<save_patterns>(exports, "savePatterns", "patterns", "path");
  export_call<load_patterns>(exports, "loadPatterns", "path");
  export_call<describe_patterns>(exports, "describePatterns", "patterns");
}

}  // namespace iba::binding
