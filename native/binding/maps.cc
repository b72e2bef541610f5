#include "arguments.h"
#include "evaluation/localisation.h"
#include "evaluation/similarity.h"
#include "module.h"

namespace iba::binding {

namespace {

constexpr int64_t kLargestCount = int64_t{1} << 24;

/// A map (H, W) from a Float32Array.
at::Tensor map_argument(const Napi::Value& data, const Napi::Value& shape, const char* name) {
  auto sizes = shape_argument(shape);
  if (sizes.size() != 2 || sizes[0] == 0 || sizes[1] == 0) {
    throw Error("INVALID_ARGUMENT", "Expected [height, width] as the shape of a map.");
  }
  return float_tensor_argument(data, sizes, name);
}

/// A mask (H, W) from a Uint8Array.
at::Tensor mask_argument(const Napi::Value& data, const Napi::Value& shape) {
  return byte_tensor_view(data, shape_argument(shape), "mask").clone();
}

/// (map, map, shape, window, range)
Napi::Value structural_similarity(const Napi::CallbackInfo& info) {
  at::Tensor a = map_argument(info[0], info[2], "the first map");
  at::Tensor b = map_argument(info[1], info[2], "the second map");
  int64_t window = integer_argument(info[3], "window", 1, kLargestCount);
  return Napi::Number::New(info.Env(), ssim(a, b, window, number_argument(info[4], "range", 1e-300, 1e300)));
}

/// (map, map, shape)
Napi::Value rank_correlation(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), spearman(map_argument(info[0], info[2], "the first map"),
                                                map_argument(info[1], info[2], "the second map")));
}

/// (map, map, shape)
Napi::Value compare_maps(const Napi::CallbackInfo& info) {
  auto similarity = map_similarity(map_argument(info[0], info[2], "the first map"),
                                   map_argument(info[1], info[2], "the second map"));
  auto object = Napi::Object::New(info.Env());
  object.Set("ssim", similarity.ssim);
  object.Set("spearman", similarity.spearman);
  return object;
}

/// (map, mask, shape)
Napi::Value localise_map(const Napi::CallbackInfo& info) {
  auto found = localise(map_argument(info[0], info[2], "map"), mask_argument(info[1], info[2]));
  auto object = Napi::Object::New(info.Env());
  object.Set("pixels", static_cast<double>(found.pixels));
  object.Set("score", found.score);
  object.Set("mass", found.mass);
  return object;
}

/// (map, mask, shape, tolerance)
Napi::Value point_at(const Napi::CallbackInfo& info) {
  bool hit = points_at(map_argument(info[0], info[2], "map"), mask_argument(info[1], info[2]),
                       number_argument(info[3], "tolerance", 0, 1e6));
  return Napi::Boolean::New(info.Env(), hit);
}

}  // namespace

void export_maps(Napi::Object exports) {
  export_function<structural_similarity>(exports, "ssim");
  export_function<rank_correlation>(exports, "spearman");
  export_function<compare_maps>(exports, "compareMaps");
  export_function<localise_map>(exports, "localise");
  export_function<point_at>(exports, "pointsAt");
}

}  // namespace iba::binding
