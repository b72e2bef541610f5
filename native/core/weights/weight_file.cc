#include "weights/weight_file.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "io/malformed.h"
#include "io/safetensors.h"
#include "weights/pickle.h"
#include "weights/pytorch_file.h"

namespace iba {

namespace {

using io::InputFile;
using io::Malformed;
using pickle::Kind;
using pickle::Value;

constexpr std::string_view kModulePrefix = "module.";

[[noreturn]] void fail_unknown_format() {
  throw Malformed("this is not a weight file: expected safetensors or what torch.save writes");
}

/// The tensors of a dict under text keys.
NamedTensors tensors_of(const Value& dict) {
  NamedTensors tensors;
  std::set<std::string> names;
  for (size_t i = 0; i < dict.size(); ++i) {
    const auto [key, value] = dict.entry(i);
    if (!key.is(Kind::kString) || !value.is(Kind::kTensor)) continue;
    if (!names.insert(key.string()).second) {
      throw Malformed("the tensor '" + key.string() + "' is there twice");
    }
    tensors.emplace_back(key.string(), value.tensor());
  }
  return tensors;
}

/// A checkpoint may hold a tensor or two of its own beside its state dict, so the places for a state dict are
/// looked at first.
NamedTensors find_state_dict(const Value& top) {
  if (!top.is(Kind::kDict)) throw Malformed("its content is not a dict; expected a dict of tensors");
  for (const std::string_view place : {"state_dict", "model"}) {
    const std::optional<Value> nested = top.find(place);
    if (!nested || !nested->is(Kind::kDict)) continue;
    NamedTensors tensors = tensors_of(*nested);
    if (!tensors.empty()) return tensors;
  }
  NamedTensors tensors = tensors_of(top);
  if (tensors.empty()) {
    throw Malformed("it holds no tensors; expected a dict of tensors, or one under 'state_dict' or 'model'");
  }
  return tensors;
}

/// A network that was trained on several devices has this before each of its names.
void strip_module_prefix(NamedTensors& tensors) {
  const bool shared = std::all_of(tensors.begin(), tensors.end(),
                                  [](const auto& entry) { return entry.first.starts_with(kModulePrefix); });
  if (!shared) return;
  for (auto& [name, tensor] : tensors) name.erase(0, kModulePrefix.size());
}

WeightFile from_pytorch(const Value& top, std::string format) {
  NamedTensors tensors = find_state_dict(top);
  strip_module_prefix(tensors);
  return {std::move(tensors), {}, std::move(format)};
}

WeightFile read_any(const InputFile& file, const std::string& name) {
  if (weights::looks_like_zip(file))
    return from_pytorch(weights::read_pytorch_zip(file, name), "pytorch-zip");
  if (weights::looks_like_legacy_stream(file)) {
    return from_pytorch(weights::read_legacy_stream(file, name), "pytorch-legacy");
  }
  if (io::looks_like_safetensors(file)) return io::read_safetensors(file);
  fail_unknown_format();
}

}  // namespace

WeightFile read_weight_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  return io::naming_file(name, [&] { return read_any(InputFile(path), name); });
}

pickle::Value read_pytorch_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  return io::naming_file(name, [&] {
    const InputFile file(path);
    if (weights::looks_like_zip(file)) return weights::read_pytorch_zip(file, name);
    if (weights::looks_like_legacy_stream(file)) return weights::read_legacy_stream(file, name);
    fail_unknown_format();
  });
}

}  // namespace iba
