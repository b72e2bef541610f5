#include "weights/weight_file.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "io/malformed.h"
#include "io/safetensors.h"
#include "weights/pickle.h"
#include "weights/pytorch_file.h"

namespace iba {

namespace {

using io::InputFile;
using io::Malformed;
constexpr std::string_view kModulePrefix = "module.";

[[noreturn]] void fail_unknown_format() {
  throw Malformed("this is not a weight file: expected safetensors or what torch.save writes");
}

/// A network that was trained on several devices has this before each of its names.
void strip_module_prefix(NamedTensors& tensors) {
  const bool shared = std::all_of(tensors.begin(), tensors.end(),
                                  [](const auto& entry) { return entry.first.starts_with(kModulePrefix); });
  if (!shared) return;
  for (auto& [name, tensor] : tensors) name.erase(0, kModulePrefix.size());
}

/// What torch.save wrote into a file; null where it didn't write the file.
std::optional<std::pair<pickle::Value, const char*>> read_pytorch(const InputFile& file,
                                                                  const std::string& name) {
  if (weights::looks_like_zip(file)) return {{weights::read_pytorch_zip(file, name), "pytorch-zip"}};
  if (weights::looks_like_legacy_stream(file))
    return {{weights::read_legacy_stream(file, name), "pytorch-legacy"}};
  return std::nullopt;
}

WeightFile read_without_pickle(const InputFile& file) {
  if (!io::looks_like_safetensors(file)) fail_unknown_format();
  return io::read_safetensors(file);
}

WeightFile read_any(const InputFile& file, const std::string& name) {
  const auto saved = read_pytorch(file, name);
  if (!saved) return read_without_pickle(file);
  NamedTensors tensors = std::move(find_state_dicts(saved->first).front().tensors);
  strip_module_prefix(tensors);
  return {std::move(tensors), {}, saved->second};
}

}  // namespace

WeightFile read_weight_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  return io::naming_file(name, [&] { return read_any(InputFile(path), name); });
}

std::vector<StateDict> read_state_dicts(const std::filesystem::path& path) {
  const std::string name = path.string();
  return io::naming_file(name, [&]() -> std::vector<StateDict> {
    const InputFile file(path);
    if (const auto saved = read_pytorch(file, name)) return find_state_dicts(saved->first);
    return {{"", read_without_pickle(file).tensors, {}}};
  });
}

pickle::Value read_pytorch_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  return io::naming_file(name, [&] {
    const auto saved = read_pytorch(InputFile(path), name);
    if (!saved) fail_unknown_format();
    return saved->first;
  });
}

}  // namespace iba
