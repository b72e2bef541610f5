#include "bottleneck/readout.h"

#include "bottleneck/readout_file.h"
#include "calls.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "presets.h"

namespace iba {

constexpr std::array<std::string_view, 2> enum_names(ReadoutVariant) {
  return {"A", "B"};
}

void fields(Of<ReadoutPlace> auto& place, auto&& field) {
  field("layer", place.layer);
  field("reads", place.reads);
}

void fields(Of<ReadoutDesign> auto& design, auto&& field) {
  fields(design.place, field);
  field("variant", design.variant);
  field("preset", design.preset);
  field("sigma", design.smoothing.sigma, {0, 1000});
  field("kernelSize", design.smoothing.taps, {1, 1001});
  field("minimumStd", design.minimum_std);
  field("seed", design.seed);
}

void fields(Of<Readout> auto& readout, auto&& field) {
  std::vector<std::string> reads;
  for (const auto& read : readout.reads) reads.push_back(read.layer);
  field("model", readout.architecture);
  field("weightHash", readout.weight_hash);
  field("preset", readout.preset);
  field("variant", readout.network.variant());
  field("layer", readout.bottleneck.layer);
  field("reads", reads);
  field("neurons", readout.bottleneck.mean.numel());
  field("sigma", readout.smoothing.sigma);
  field("kernelSize", readout.smoothing.taps);
}

}  // namespace iba

namespace iba::binding {

namespace {

using SharedReadout = std::shared_ptr<Readout>;

ReadoutPlace readout_place(const std::shared_ptr<Model>& model) {
  return default_readout_place(model->network);
}

/// A readout on the device of the model that it fits.
SharedReadout place(Readout readout, const Model& model) {
  readout.network = readout.network.to(model.device);
  auto placed = std::make_shared<Readout>(std::move(readout));
  ReadoutBottleneck fits(model.network, *placed);
  return placed;
}

/// A readout that has learnt nothing.
Task<SharedReadout> create_readout(const std::shared_ptr<Model>& model,
                                   const std::shared_ptr<ModelStatistics>& statistics,
                                   const ReadoutDesign& design) {
  if (design.place.reads.empty())
    throw Error(ErrorCode::invalid_argument, "Expected at least one layer to read.");
  return {executor_of(model->device), [=] { return place(make_readout(*statistics, design), *model); }};
}

Task<SharedReadout> load_readout(const std::shared_ptr<Model>& model, const std::filesystem::path& path) {
  return {executor_of(model->device), [=] { return place(read_readout(path, model->network), *model); }};
}

Task<void> save_readout(const SharedReadout& readout, const std::filesystem::path& path) {
  return {image_executor(), [=] { write_readout(path, *readout); }};
}

const Readout& describe_readout(const SharedReadout& readout) {
  return *readout;
}

}  // namespace

void export_readout(Napi::Object exports) {
  export_call<readout_place>(exports, "readoutPlace", "model");
  export_call<create_readout>(exports, "createReadout", "model", "statistics", "design");
  export_call<load_readout>(exports, "loadReadout", "model", "path");
  export_call<save_readout>(exports, "saveReadout", "readout", "path");
  export_call<describe_readout>(exports, "describeReadout", "readout");
}

}  // namespace iba::binding
