#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "handle.h"
#include "module.h"
#include "network/zoo/zoo.h"
#include "training/classifier.h"
#include "weights/weight_file.h"

namespace iba::binding {

template <>
struct HandleType<ClassifierTrainer> {
  static constexpr const char* name = "classifier trainer";
  static constexpr napi_type_tag tag = {0x2b9d46c1e05f7a83, 0x5ec3071fa9b864d2};
};

namespace {

struct LabelledBatch {
  at::Tensor pictures;
  at::Tensor labels;
};

LabelledBatch batch_argument(const Napi::Value& data, const Napi::Value& shape, const Napi::Value& classes) {
  auto dimensions = shape_argument(shape);
  auto list = array_argument(classes, "labels");
  if (dimensions.size() != 4 || dimensions[3] != 3 || list.Length() != dimensions[0]) {
    throw Error("INVALID_ARGUMENT", "Expected pictures (N, height, width, 3) and N labels.");
  }
  std::vector<int64_t> labels;
  for (uint32_t i = 0; i < list.Length(); ++i) labels.push_back(integer_argument(list[i], "label"));
  return {byte_tensor_view(data, dimensions, "pictures").clone(), at::tensor(labels)};
}

Conversion outcome_to_js(BatchOutcome outcome) {
  return [outcome](Napi::Env env) -> Napi::Value {
    auto object = Napi::Object::New(env);
    object.Set("loss", outcome.loss);
    object.Set("correct", Napi::Number::New(env, static_cast<double>(outcome.correct)));
    return object;
  };
}

Napi::Value create_trainer(const Napi::CallbackInfo& info) {
  ZooOptions zoo;
  zoo.classes = integer_argument(info[1], "classes", 1, 1'000'000);
  zoo.width = integer_argument(info[2], "width", 1, 1024);
  auto seed = static_cast<uint64_t>(integer_argument(info[3], "seed"));
  auto network = build_network(string_argument(info[0], "architecture"), zoo);
  return make_handle(info.Env(),
                     std::make_shared<ClassifierTrainer>(std::move(network), seed, ClassifierOptions{}));
}

Napi::Value train_step(const Napi::CallbackInfo& info) {
  auto trainer = from_handle<ClassifierTrainer>(info[0]);
  auto batch = batch_argument(info[1], info[2], info[3]);
  int64_t size = integer_argument(info[4], "size");
  double learning_rate = number_argument(info[5], "learningRate");
  Work work = [=](const Cancellation&, const Progress&) {
    return outcome_to_js(trainer->step(batch.pictures, batch.labels, size, learning_rate));
  };
  return Environment::of(info.Env()).run(executor_of(at::kCPU), std::move(work));
}

Napi::Value evaluate_batch(const Napi::CallbackInfo& info) {
  auto trainer = from_handle<ClassifierTrainer>(info[0]);
  auto batch = batch_argument(info[1], info[2], info[3]);
  int64_t size = integer_argument(info[4], "size");
  Work work = [=](const Cancellation&, const Progress&) {
    return outcome_to_js(trainer->evaluate(batch.pictures, batch.labels, size));
  };
  return Environment::of(info.Env()).run(executor_of(at::kCPU), std::move(work));
}

/// Writes the network's weights as float16.
Napi::Value save_trained(const Napi::CallbackInfo& info) {
  auto trainer = from_handle<ClassifierTrainer>(info[0]);
  Work work = [trainer, path = string_argument(info[1], "path")](const Cancellation&,
                                                                 const Progress&) -> Conversion {
    NamedTensors tensors;
    for (const auto& [name, tensor] : trainer->network().parameters()) {
      tensors.emplace_back(name, tensor->detach().to(at::kHalf).contiguous());
    }
    write_safetensors(path, tensors, {{"architecture", trainer->network().architecture}});
    return [](Napi::Env env) { return env.Undefined(); };
  };
  return Environment::of(info.Env()).run(executor_of(at::kCPU), std::move(work));
}

}  // namespace

void export_training(Napi::Object exports) {
  export_function<create_trainer>(exports, "createTrainer");
  export_function<train_step>(exports, "trainStep");
  export_function<evaluate_batch>(exports, "evaluateBatch");
  export_function<save_trained>(exports, "saveTrained");
}

}  // namespace iba::binding
