#include "image/preprocess.h"

#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "module.h"

namespace iba::binding {

namespace {

constexpr int64_t kLargestSide = int64_t{1} << 20;

std::vector<double> channel_values(const Napi::Value& value, const char* name) {
  auto array = array_argument(value, name);
  std::vector<double> values;
  for (uint32_t i = 0; i < array.Length(); ++i) values.push_back(number_argument(array[i], name));
  if (values.size() != 1 && values.size() != 3) {
    throw Error("INVALID_ARGUMENT", std::string("Expected 1 or 3 numbers for ") + name + ".");
  }
  return values;
}

Region region_argument(const Napi::Object& object) {
  return {integer_argument(object["left"], "region.left", 0, kLargestSide),
          integer_argument(object["top"], "region.top", 0, kLargestSide),
          integer_argument(object["width"], "region.width", 1, kLargestSide),
          integer_argument(object["height"], "region.height", 1, kLargestSide)};
}

PreprocessOptions preprocess_options(const Napi::Object& object) {
  PreprocessOptions options;
  options.resize = integer_argument(object["resize"], "resize", 1, kLargestSide);
  options.crop = integer_argument(object["crop"], "crop", 1, kLargestSide);
  options.crop_first = boolean_argument(object["cropFirst"], "cropFirst");
  Napi::Value region = object["region"];
  if (!region.IsUndefined()) options.region = region_argument(object_argument(region, "region"));
  Napi::Value mirror = object["mirror"];
  if (!mirror.IsUndefined()) options.mirror = boolean_argument(mirror, "mirror");
  options.mean = channel_values(object["mean"], "mean");
  options.deviation = channel_values(object["deviation"], "deviation");
  if (options.mean.size() != options.deviation.size()) {
    throw Error("INVALID_ARGUMENT", "Expected as many means as deviations.");
  }
  return options;
}

Napi::Value preprocess_image(const Napi::CallbackInfo& info) {
  int64_t width = integer_argument(info[1], "width", 1, kLargestSide);
  int64_t height = integer_argument(info[2], "height", 1, kLargestSide);
  at::Tensor pixels = byte_tensor_view(info[0], {height, width, 3}, "pixels");
  auto options = preprocess_options(object_argument(info[3], "options"));
  Work work = [pixels, options](const Cancellation&, const Progress&) -> Conversion {
    auto image = preprocess(pixels, options);
    return [image](Napi::Env env) -> Napi::Value {
      auto result = Napi::Object::New(env);
      result.Set("data", to_float_array(env, image.input));
      result.Set("shape", to_shape(env, image.input.sizes()));
      result.Set("pixels", to_byte_array(env, image.pixels));
      return result;
    };
  };
  return Environment::of(info.Env())
      .run(image_executor(), std::move(work), {.kept = {info[0].As<Napi::Object>()}});
}

}  // namespace

void export_images(Napi::Object exports) {
  export_function<preprocess_image>(exports, "preprocess");
}

}  // namespace iba::binding
