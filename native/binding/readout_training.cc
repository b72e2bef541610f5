#include "calls.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "runtime/device.h"
#include "training/readout_trainer.h"

namespace iba {

void fields(Of<ReadoutTrainingOptions> auto& options, auto&& field) {
  field("beta", options.beta);
  field("learningRate", options.learning_rate);
}

void fields(Of<ReadoutBatch> auto& batch, auto&& field) {
  field("images", batch.images);
  field("labels", batch.labels, {0});
  field("seeds", batch.seeds);
}

void fields(Of<ReadoutOutcome> auto& outcome, auto&& field) {
  field("images", outcome.images);
  field("loss", outcome.loss);
  field("crossEntropy", outcome.cross_entropy);
  field("information", outcome.information);
  field("correct", outcome.correct);
  field("gradientNorms", outcome.gradient_norms);
  field("extras", outcome.extras);
}

}  // namespace iba

namespace iba::binding {

template <>
struct HandleType<ReadoutTrainer> {
  static constexpr char name[] = "readout trainer";
};

namespace {

using Trainer = std::shared_ptr<ReadoutTrainer>;
/// The processes that train together, if there is more than one.
using OptionalGroup = std::optional<std::shared_ptr<ProcessGroup>>;
using Metadata = std::map<std::string, std::string>;

Executor& executor_of_trainer(const Trainer& trainer) {
  return executor_of(trainer->network().device());
}

/// Throws INVALID_ARGUMENT unless there is a label and a seed for each image; none at all is a batch too.
void check_batch(const ReadoutBatch& batch, const Network& network) {
  const auto& images = batch.images;
  auto count = static_cast<int64_t>(batch.labels.size());
  bool fits = batch.seeds.size() == batch.labels.size() && images.scalar_type() == at::kFloat &&
              (count == 0 ||
               (images.dim() == 4 && images.size(0) == count && images.size(1) == network.input_channels));
  if (!fits) {
    throw Error(ErrorCode::invalid_argument, "Expected float images (N, " +
                                                 std::to_string(network.input_channels) +
                                                 ", height, width), with N labels and N seeds.");
  }
  for (int64_t label : batch.labels) {
    if (label < network.classes) continue;
    throw Error(ErrorCode::invalid_argument, "Expected labels below the number of classes.");
  }
}

ReadoutBatch on_device(ReadoutBatch batch, const ReadoutTrainer& trainer) {
  batch.images = batch.labels.empty() ? Tensor() : sent_to(trainer.network().device(), batch.images);
  return batch;
}

SumOverProcesses sum_of(const OptionalGroup& group) {
  if (!group) return nullptr;
  return [processes = *group](const std::vector<Tensor>& tensors) { processes->sum(tensors); };
}

Task<Trainer> create_trainer(const std::shared_ptr<Model>& model, const std::shared_ptr<Readout>& readout,
                             const ReadoutTrainingOptions& options) {
  return {executor_of(model->device),
          [=] { return std::make_shared<ReadoutTrainer>(model->network, *readout, options); }};
}

Task<ReadoutOutcome> step(const Trainer& trainer, const ReadoutBatch& batch,
                          const std::vector<double>& extras, const OptionalGroup& group) {
  check_batch(batch, trainer->network());
  return {executor_of_trainer(trainer),
          [=] { return trainer->step(on_device(batch, *trainer), extras, sum_of(group)); }};
}

Task<ReadoutOutcome> evaluate(const Trainer& trainer, const ReadoutBatch& batch, const OptionalGroup& group) {
  check_batch(batch, trainer->network());
  return {executor_of_trainer(trainer),
          [=] { return trainer->evaluate(on_device(batch, *trainer), sum_of(group)); }};
}

Task<std::shared_ptr<Readout>> trained(const Trainer& trainer) {
  return {executor_of_trainer(trainer), [=] { return std::make_shared<Readout>(trainer->trained()); }};
}

Task<void> save_training(const Trainer& trainer, const std::filesystem::path& path,
                         const Metadata& metadata) {
  return {executor_of_trainer(trainer), [=] { trainer->save(path, metadata); }};
}

/// Gives the file's metadata.
Task<Metadata> restore_training(const Trainer& trainer, const std::filesystem::path& path) {
  return {executor_of_trainer(trainer), [=] { return trainer->restore(path); }};
}

}  // namespace

void export_readout_training(Napi::Object exports) {
  export_call<create_trainer>(exports, "createReadoutTrainer", "model", "readout", "options");
  export_call<step>(exports, "readoutStep", "trainer", "batch", "extras", "group");
  export_call<evaluate>(exports, "evaluateReadout", "trainer", "batch", "group");
  export_call<trained>(exports, "trainedReadout", "trainer");
  export_call<save_training>(exports, "saveReadoutTraining", "trainer", "path", "metadata");
  export_call<restore_training>(exports, "restoreReadoutTraining", "trainer", "path");
}

}  // namespace iba::binding
