#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "training/readout_trainer.h"

namespace iba::binding {

template <>
struct HandleType<ReadoutTrainer> {
  static constexpr const char* name = "readout trainer";
  static constexpr napi_type_tag tag = {0x95c06b2e71fd48a3, 0x4ad1e8360b97c25f};
};

namespace {

at::ScalarType precision_argument(const Napi::Value& value) {
  auto name = string_argument(value, "precision");
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  throw Error("INVALID_ARGUMENT", "Expected 'float32' or 'bfloat16' for precision.");
}

std::vector<int64_t> integers_argument(const Napi::Value& value, const char* name, int64_t maximum) {
  auto array = array_argument(value, name);
  std::vector<int64_t> integers;
  for (uint32_t i = 0; i < array.Length(); ++i)
    integers.push_back(integer_argument(array[i], name, 0, maximum));
  return integers;
}

std::vector<double> numbers_argument(const Napi::Value& value, const char* name) {
  auto array = array_argument(value, name);
  std::vector<double> numbers;
  for (uint32_t i = 0; i < array.Length(); ++i) numbers.push_back(number_argument(array[i], name));
  return numbers;
}

/// {images, shape, labels, seeds}; without labels it is empty, and the others are not looked at.
ReadoutBatch batch_argument(const Napi::Value& value, const ReadoutTrainer& trainer) {
  const Network& network = trainer.network();
  auto object = object_argument(value, "batch");
  ReadoutBatch batch;
  batch.labels = integers_argument(object["labels"], "labels", network.classes - 1);
  if (batch.labels.empty()) return batch;
  constexpr int64_t kLargestSeed = 9007199254740991;
  for (int64_t seed : integers_argument(object["seeds"], "seeds", kLargestSeed)) {
    batch.seeds.push_back(static_cast<uint64_t>(seed));
  }
  auto shape = shape_argument(object["shape"]);
  auto images = static_cast<int64_t>(batch.labels.size());
  if (shape.size() != 4 || shape[0] != images || shape[1] != network.input_channels ||
      batch.seeds.size() != batch.labels.size()) {
    throw Error("INVALID_ARGUMENT", "Expected images (N, " + std::to_string(network.input_channels) +
                                        ", height, width), with N labels and N seeds.");
  }
  batch.images = float_tensor_argument(object["images"], shape, "images");
  return batch;
}

Napi::Array to_numbers(Napi::Env env, const std::vector<double>& numbers) {
  auto array = Napi::Array::New(env, numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) array.Set(static_cast<uint32_t>(i), numbers[i]);
  return array;
}

Conversion outcome_to_js(const ReadoutOutcome& outcome) {
  return [outcome](Napi::Env env) -> Napi::Value {
    auto object = Napi::Object::New(env);
    object.Set("images", Napi::Number::New(env, static_cast<double>(outcome.images)));
    object.Set("loss", outcome.loss);
    object.Set("crossEntropy", outcome.cross_entropy);
    object.Set("information", outcome.information);
    object.Set("correct", Napi::Number::New(env, static_cast<double>(outcome.correct)));
    object.Set("gradientNorms", to_numbers(env, outcome.gradient_norms));
    object.Set("extras", to_numbers(env, outcome.extras));
    return object;
  };
}

/// What adds up over the processes of a group, or nothing for null.
SumOverProcesses sum_argument(const Napi::Value& value) {
  if (value.IsNull()) return nullptr;
  return [group = from_handle<ProcessGroup>(value)](const std::vector<at::Tensor>& tensors) {
    group->sum(tensors);
  };
}

Executor& executor_of(const ReadoutTrainer& trainer) {
  return binding::executor_of(trainer.network().device());
}

/// (model, readout, {beta, learningRate, precision})
Napi::Value create_trainer(const Napi::CallbackInfo& info) {
  auto model = from_handle<Model>(info[0]);
  auto readout = from_handle<Readout>(info[1]);
  auto object = object_argument(info[2], "options");
  ReadoutTrainingOptions options{number_argument(object["beta"], "beta"),
                                 number_argument(object["learningRate"], "learningRate"),
                                 precision_argument(object["precision"])};
  Work work = [=](const Cancellation&, const Progress&) -> Conversion {
    auto trainer = std::make_shared<ReadoutTrainer>(model->network, *readout, options);
    return [trainer](Napi::Env env) { return make_handle(env, trainer); };
  };
  return Environment::of(info.Env()).run(binding::executor_of(model->device), std::move(work));
}

/// (trainer, batch, extras, group)
Napi::Value step(const Napi::CallbackInfo& info) {
  auto trainer = from_handle<ReadoutTrainer>(info[0]);
  auto batch = batch_argument(info[1], *trainer);
  auto extras = numbers_argument(info[2], "extras");
  auto sum = sum_argument(info[3]);
  Work work = [=](const Cancellation&, const Progress&) mutable {
    if (batch.images.defined()) batch.images = batch.images.to(trainer->network().device());
    return outcome_to_js(trainer->step(batch, extras, sum));
  };
  return Environment::of(info.Env()).run(executor_of(*trainer), std::move(work));
}

/// (trainer, batch, group)
Napi::Value evaluate(const Napi::CallbackInfo& info) {
  auto trainer = from_handle<ReadoutTrainer>(info[0]);
  auto batch = batch_argument(info[1], *trainer);
  auto sum = sum_argument(info[2]);
  Work work = [=](const Cancellation&, const Progress&) mutable {
    if (batch.images.defined()) batch.images = batch.images.to(trainer->network().device());
    return outcome_to_js(trainer->evaluate(batch, sum));
  };
  return Environment::of(info.Env()).run(executor_of(*trainer), std::move(work));
}

Napi::Value trained(const Napi::CallbackInfo& info) {
  auto trainer = from_handle<ReadoutTrainer>(info[0]);
  Work work = [trainer](const Cancellation&, const Progress&) -> Conversion {
    auto readout = std::make_shared<Readout>(trainer->trained());
    return [readout](Napi::Env env) { return make_handle(env, readout); };
  };
  return Environment::of(info.Env()).run(executor_of(*trainer), std::move(work));
}

/// (trainer, path, metadata)
Napi::Value save(const Napi::CallbackInfo& info) {
  auto trainer = from_handle<ReadoutTrainer>(info[0]);
  std::map<std::string, std::string> metadata;
  auto given = object_argument(info[2], "metadata");
  for (const auto& [key, value] : given) {
    metadata[key.ToString().Utf8Value()] = string_argument(value, "metadata");
  }
  Work work = [trainer, metadata, path = string_argument(info[1], "path")](const Cancellation&,
                                                                           const Progress&) -> Conversion {
    trainer->save(path, metadata);
    return [](Napi::Env env) { return env.Undefined(); };
  };
  return Environment::of(info.Env()).run(executor_of(*trainer), std::move(work));
}

/// (trainer, path) → the file's metadata.
Napi::Value restore(const Napi::CallbackInfo& info) {
  auto trainer = from_handle<ReadoutTrainer>(info[0]);
  Work work = [trainer, path = string_argument(info[1], "path")](const Cancellation&,
                                                                 const Progress&) -> Conversion {
    return [metadata = trainer->restore(path)](Napi::Env env) { return to_object(env, metadata); };
  };
  return Environment::of(info.Env()).run(executor_of(*trainer), std::move(work));
}

Napi::Value dispose(const Napi::CallbackInfo& info) {
  dispose_handle<ReadoutTrainer>(info[0]);
  return info.Env().Undefined();
}

}  // namespace

void export_readout_training(Napi::Object exports) {
  export_function<create_trainer>(exports, "createReadoutTrainer");
  export_function<step>(exports, "readoutStep");
  export_function<evaluate>(exports, "evaluateReadout");
  export_function<trained>(exports, "trainedReadout");
  export_function<save>(exports, "saveReadoutTraining");
  export_function<restore>(exports, "restoreReadoutTraining");
  export_function<dispose>(exports, "disposeReadoutTrainer");
}

}  // namespace iba::binding
