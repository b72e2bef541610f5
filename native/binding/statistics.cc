#include "bottleneck/statistics.h"

#include "calls.h"
#include "executors.h"
#include "handles.h"
#include "inputs.h"
#include "module.h"
#include "presets.h"
#include "runtime/device.h"

namespace iba {

void fields(Of<LayerStatistics> auto& layer, auto&& field) {
  field("name", layer.layer());
  field("shape", layer.shape().vec());
  field("samples", layer.samples());
  field("afterRelu", layer.after_relu());
}

void fields(Of<ModelStatistics> auto& statistics, auto&& field) {
  field("model", statistics.architecture);
  field("weightHash", statistics.weight_hash);
  field("preset", statistics.preset);
  field("layers", statistics.layers);
}

}  // namespace iba

namespace iba::binding {

namespace {

using SharedStatistics = std::shared_ptr<ModelStatistics>;

SharedStatistics create_statistics(const std::shared_ptr<Model>& model,
                                   const std::vector<std::string>& layers, Preset preset) {
  return std::make_shared<ModelStatistics>(
      make_statistics(model->network, model->fingerprint, preset, layers));
}

/// Statistics may only be touched by work of the model's executor while they grow.
Task<void> update_statistics(const SharedStatistics& statistics, const std::shared_ptr<Model>& model,
                             const Tensor& images, const std::vector<std::string>& names) {
  check_inputs(images, *model);
  check_names(names, images.size(0));
  return {executor_of(model->device), [statistics, model, images, names] {
            update_statistics(*statistics, model->network, sent_to(model->device, images), names);
          }};
}

SharedStatistics merge_statistics(const SharedStatistics& first, const SharedStatistics& second) {
  auto sum = std::make_shared<ModelStatistics>(*first);
  merge_statistics(*sum, *second);
  return sum;
}

Task<void> save_statistics(const SharedStatistics& statistics, const std::filesystem::path& path) {
  return {image_executor(), [statistics, path] { StatisticsFile::write(path, *statistics); }};
}

Task<SharedStatistics> load_statistics(const std::filesystem::path& path) {
  return {image_executor(), [path] { return std::make_shared<ModelStatistics>(StatisticsFile::read(path)); }};
}

Task<SharedStatistics> load_published(const std::filesystem::path& path,
                                      const std::shared_ptr<Model>& model) {
  return {image_executor(), [path, model] {
            return std::make_shared<ModelStatistics>(
                StatisticsFile::read_published(path, model->network, model->fingerprint));
          }};
}

const ModelStatistics& describe_statistics(const SharedStatistics& statistics) {
  return *statistics;
}

/// What is known of a layer's neurons, in a preset's convention.
struct NeuronValues {
  Tensor mean;
  Tensor std;
  Tensor active;
};

void fields(Of<NeuronValues> auto& values, auto&& field) {
  field("mean", values.mean);
  field("std", values.std);
  field("active", values.active);
}

NeuronValues read_layer(const SharedStatistics& statistics, const std::string& layer, Preset preset,
                        double minimum_std) {
  const auto& found = statistics->layer(layer);
  const auto& conventions = conventions_of(preset);
  return {found.mean(conventions).to(at::kFloat),
          found.standard_deviation(conventions, minimum_std).to(at::kFloat), found.active(conventions)};
}

}  // namespace

void export_statistics(Napi::Object exports) {
  export_call<create_statistics>(exports, "createStatistics", "model", "layers", "preset");
  export_call<update_statistics>(exports, "updateStatistics", "statistics", "model", "images", "names");
  export_call<merge_statistics>(exports, "mergeStatistics", "first", "second");
  export_call<save_statistics>(exports, "saveStatistics", "statistics", "path");
  export_call<load_statistics>(exports, "loadStatistics", "path");
  export_call<load_published>(exports, "loadPublishedStatistics", "path", "model");
  export_call<describe_statistics>(exports, "describeStatistics", "statistics");
  export_call<read_layer>(exports, "readLayerStatistics", "statistics", "layer", "preset", "minimumStd");
}

}  // namespace iba::binding
