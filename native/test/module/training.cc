#include "training.h"

#include "binding/calls.h"
#include "classifier.h"
#include "io/safetensors.h"
#include "network/zoo/zoo.h"

namespace iba {

void fields(Of<BatchOutcome> auto& outcome, auto&& field) {
  field("loss", outcome.loss);
  field("correct", outcome.correct);
}

}  // namespace iba

namespace iba::binding {

template <>
struct HandleType<ClassifierTrainer> {
  static constexpr char name[] = "classifier trainer";
};

namespace {

using Trainer = std::shared_ptr<ClassifierTrainer>;
using Labels = std::vector<int64_t>;

Trainer create(const std::string& architecture, int64_t classes, int64_t width, uint64_t seed) {
  ZooOptions zoo;
  zoo.classes = classes;
  zoo.width = width;
  return std::make_shared<ClassifierTrainer>(build_network(architecture, zoo), seed, ClassifierOptions{});
}

/// Pictures are (N, height, width, 3) bytes; they are resized to squares of `size` pixels.
void check(const at::Tensor& pictures, const Labels& labels) {
  bool fits = pictures.scalar_type() == at::kByte && pictures.dim() == 4 && pictures.size(3) == 3 &&
              pictures.size(0) == static_cast<int64_t>(labels.size());
  if (!fits)
    throw Error(ErrorCode::invalid_argument,
                "Expected pictures (N, height, width, 3) of bytes and N labels.");
}

BatchOutcome step(const Trainer& trainer, const at::Tensor& pictures, const Labels& labels, int64_t size,
                  double learning_rate) {
  check(pictures, labels);
  return trainer->step(pictures, at::tensor(labels), size, learning_rate);
}

BatchOutcome evaluate(const Trainer& trainer, const at::Tensor& pictures, const Labels& labels,
                      int64_t size) {
  check(pictures, labels);
  return trainer->evaluate(pictures, at::tensor(labels), size);
}

/// Writes the network's weights as float16.
void save(const Trainer& trainer, const std::filesystem::path& path) {
  const Network& network = trainer->network();
  NamedTensors tensors;
  for (const auto& [name, tensor] : network.parameters()) {
    tensors.emplace_back(name, tensor->detach().to(at::kHalf).contiguous());
  }
  write_safetensors(path, tensors, {{"architecture", network.architecture}});
}

}  // namespace

void export_training(Napi::Object exports) {
  const Parameter size{"size", {1, 4096}};
  export_call<create>(exports, "createTrainer", "architecture", Parameter{"classes", {1, 1e6}},
                      Parameter{"width", {1, 1024}}, "seed");
  export_call<step>(exports, "trainStep", "trainer", "pictures", "labels", size, "learningRate");
  export_call<evaluate>(exports, "evaluateBatch", "trainer", "pictures", "labels", size);
  export_call<save>(exports, "saveTrained", "trainer", "path");
}

}  // namespace iba::binding
