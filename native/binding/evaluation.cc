#include "arguments.h"
#include "environment.h"
#include "evaluation/degradation.h"
#include "evaluation/insertion_deletion.h"
#include "evaluation/sensitivity.h"
#include "evaluation/similarity.h"
#include "executors.h"
#include "handles.h"
#include "module.h"

namespace iba::binding {

namespace {

constexpr int64_t kLargestCount = int64_t{1} << 24;

Napi::Value to_double_array(Napi::Env env, const std::vector<double>& values) {
  return binding::to_double_array(env, at::tensor(values, at::kDouble));
}

/// One image with its map, and how its changed versions are run: (model, image, shape, map, options,
/// cancellation, onProgress). `target` and `rows` are among the options.
struct Subject {
  std::shared_ptr<Model> model;
  Tensor image;
  Tensor map;
  int64_t target;
  int64_t rows;

  explicit Subject(const Napi::CallbackInfo& info) : model(from_handle<Model>(info[0])) {
    Tensor images = images_argument(info[1], info[2], *model);
    if (images.size(0) != 1) throw Error("INVALID_ARGUMENT", "Expected one image.");
    image = images[0];
    map = float_tensor_argument(info[3], image.sizes().slice(1), "map");
    auto options = object_argument(info[4], "options");
    target = integer_argument(options["target"], "target", -1, model->network.classes - 1);
    rows = integer_argument(options["rows"], "rows", 1, kLargestCount);
  }

  RowSettings settings(const Cancellation& cancellation, const StepProgress& progress) const {
    return {rows, cancellation, progress};
  }
};

/// Runs `evaluate(subject, image on the device, settings)` on the model's executor; `convert` makes its
/// result JavaScript's.
template <typename Evaluate, typename Convert>
Napi::Value run_subject(const Napi::CallbackInfo& info, const Subject& subject, Evaluate evaluate,
                        Convert convert) {
  RunOptions options{from_handle<Cancellation>(info[5]), info[6]};
  Work work = [=](const Cancellation& cancellation, const Progress& progress) -> Conversion {
    at::NoGradGuard no_grad;
    StepProgress steps = progress;
    auto result =
        evaluate(subject, subject.image.to(subject.model->device), subject.settings(cancellation, steps));
    return [result, convert](Napi::Env env) -> Napi::Value { return convert(env, result); };
  };
  return Environment::of(info.Env())
      .run(executor_of(subject.model->device), std::move(work), std::move(options));
}

Napi::Object curves_to_js(Napi::Env env, const ClassCurves& curves) {
  auto object = Napi::Object::New(env);
  object.Set("mostRelevantFirst", to_double_array(env, curves.most_relevant_first));
  object.Set("leastRelevantFirst", to_double_array(env, curves.least_relevant_first));
  return object;
}

Napi::Value run_degradation(const Napi::CallbackInfo& info) {
  Subject subject(info);
  int64_t tile = integer_argument(object_argument(info[4], "options")["tile"], "tile", 1, kLargestCount);
  return run_subject(
      info, subject,
      [tile](const Subject& given, const Tensor& image, RowSettings settings) {
        return degrade(given.model->network, image, given.map, given.target, tile, settings);
      },
      [](Napi::Env env, const Degradation& result) {
        auto object = Napi::Object::New(env);
        object.Set("target", static_cast<double>(result.target));
        object.Set("top1", static_cast<double>(result.top1));
        object.Set("shares", to_double_array(env, result.shares));
        object.Set("ofTarget", curves_to_js(env, result.of_target));
        object.Set("ofTop1", curves_to_js(env, result.of_top1));
        return object;
      });
}

Napi::Value run_insertion_deletion(const Napi::CallbackInfo& info) {
  Subject subject(info);
  int64_t step = integer_argument(object_argument(info[4], "options")["step"], "step", 1, kLargestCount);
  return run_subject(
      info, subject,
      [step](const Subject& given, const Tensor& image, RowSettings settings) {
        return insert_and_delete(given.model->network, image, given.map, given.target, step, settings);
      },
      [](Napi::Env env, const InsertionDeletion& result) {
        auto object = Napi::Object::New(env);
        object.Set("target", static_cast<double>(result.target));
        object.Set("shares", to_double_array(env, result.shares));
        object.Set("insertion", to_double_array(env, result.insertion));
        object.Set("deletion", to_double_array(env, result.deletion));
        object.Set("insertionArea", result.insertion_area);
        object.Set("deletionArea", result.deletion_area);
        return object;
      });
}

Napi::Value run_masked_drops(const Napi::CallbackInfo& info) {
  Subject subject(info);
  auto options = object_argument(info[4], "options");
  int64_t tile = integer_argument(options["tile"], "tile", 1, kLargestCount);
  auto shape = shape_argument(options["maskShape"]);
  if (shape.size() != 2) throw Error("INVALID_ARGUMENT", "Expected masks of shape (count, tiles).");
  Tensor masks = byte_tensor_view(options["masks"], shape, "masks").clone();
  return run_subject(
      info, subject,
      [tile, masks](const Subject& given, const Tensor& image, RowSettings settings) {
        return masked_drops(given.model->network, image, given.map, given.target, masks, tile, settings);
      },
      [](Napi::Env env, const MaskedDrops& result) {
        auto object = Napi::Object::New(env);
        object.Set("target", static_cast<double>(result.target));
        object.Set("drop", binding::to_double_array(env, result.drop));
        object.Set("relevance", binding::to_double_array(env, result.relevance));
        object.Set("correlation", pearson(result.drop, result.relevance));
        return object;
      });
}

Napi::Value run_infidelity(const Napi::CallbackInfo& info) {
  Subject subject(info);
  auto options = object_argument(info[4], "options");
  double deviation = number_argument(options["deviation"], "deviation", 0, 1e6);
  int64_t samples = integer_argument(options["samples"], "samples", 1, kLargestCount);
  auto seed = static_cast<uint64_t>(integer_argument(options["seed"], "seed"));
  return run_subject(
      info, subject,
      [=](const Subject& given, const Tensor& image, RowSettings settings) {
        return infidelity(given.model->network, image, given.map, given.target, deviation, samples, seed,
                          settings);
      },
      [](Napi::Env env, const Infidelity& result) {
        auto object = Napi::Object::New(env);
        object.Set("target", static_cast<double>(result.target));
        object.Set("value", result.value);
        object.Set("scaled", result.scaled);
        return object;
      });
}

/// (map, shape, masks, maskShape, tile) → relevance (masks)
Napi::Value sum_in_masks(const Napi::CallbackInfo& info) {
  Tensor map = float_tensor_argument(info[0], shape_argument(info[1]), "map");
  auto mask_shape = shape_argument(info[3]);
  if (map.dim() != 2 || mask_shape.size() != 2)
    throw Error("INVALID_ARGUMENT", "Expected a map (height, width) and masks (count, tiles).");
  Tensor masks = byte_tensor_view(info[2], mask_shape, "masks");
  int64_t tile = integer_argument(info[4], "tile", 1, kLargestCount);
  return binding::to_double_array(info.Env(), relevance_in_masks(map, masks, tile));
}

/// (tiles, chosen, count, seed) → masks (count, tiles)
Napi::Value draw_masks(const Napi::CallbackInfo& info) {
  int64_t tiles = integer_argument(info[0], "tiles", 1, kLargestCount);
  int64_t chosen = integer_argument(info[1], "chosen", 0, tiles);
  int64_t count = integer_argument(info[2], "count", 1, kLargestCount);
  auto seed = static_cast<uint64_t>(integer_argument(info[3], "seed"));
  return to_byte_array(info.Env(), random_masks(tiles, chosen, count, seed));
}

/// (image, shape, radius, count, seed) → images (count, C, H, W)
Napi::Value draw_neighbours(const Napi::CallbackInfo& info) {
  Tensor image = float_tensor_argument(info[0], shape_argument(info[1]), "image");
  double radius = number_argument(info[2], "radius", 0, 1e6);
  int64_t count = integer_argument(info[3], "count", 1, kLargestCount);
  auto seed = static_cast<uint64_t>(integer_argument(info[4], "seed"));
  return to_float_array(info.Env(), neighbours(image, radius, count, seed));
}

}  // namespace

void export_evaluation(Napi::Object exports) {
  export_function<run_degradation>(exports, "degradation");
  export_function<run_insertion_deletion>(exports, "insertionDeletion");
  export_function<run_masked_drops>(exports, "maskedDrops");
  export_function<sum_in_masks>(exports, "relevanceInMasks");
  export_function<run_infidelity>(exports, "infidelity");
  export_function<draw_masks>(exports, "randomMasks");
  export_function<draw_neighbours>(exports, "neighbours");
}

}  // namespace iba::binding
