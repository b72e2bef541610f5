#include "weights/transformers_names.h"

#include <algorithm>
#include <optional>

#include "io/text.h"

namespace iba {

namespace {

using Parts = std::vector<std::string>;

/// "3" of "2".
std::string next(const std::string& number) {
  return std::to_string(std::stoi(number) + 1);
}

bool is_digit(const std::string& part) {
  return part.size() == 1 && part[0] >= '0' && part[0] <= '9';
}

/// The convolution or norm that `kind` names: "conv2" or "bn2", "downsample.0" or "downsample.1".
std::optional<std::string> one_of(const std::string& kind, const std::string& convolution,
                                  const std::string& norm) {
  if (kind == "convolution") return convolution;
  if (kind == "normalization") return norm;
  return std::nullopt;
}

/// Of a module inside of a stage: stages.S.layers.L.layer.K.KIND or stages.S.layers.L.shortcut.KIND.
std::optional<std::string> block_module(const Parts& parts) {
  const bool is_block =
      parts.size() >= 7 && parts[1] == "stages" && is_digit(parts[2]) && parts[3] == "layers";
  if (!is_block) return std::nullopt;
  const std::string block = "layer" + next(parts[2]) + "." + parts[4] + ".";
  std::optional<std::string> own;
  if (parts[5] == "shortcut" && parts.size() == 7) {
    own = one_of(parts[6], "downsample.0", "downsample.1");
  } else if (parts[5] == "layer" && parts.size() == 8 && is_digit(parts[6])) {
    own = one_of(parts[7], "conv" + next(parts[6]), "bn" + next(parts[6]));
  }
  if (!own) return std::nullopt;
  return block + *own;
}

std::optional<std::string> module_name(const Parts& parts) {
  if (parts == Parts{"classifier", "1"}) return "fc";
  if (parts.size() == 3 && parts[0] == "embedder" && parts[1] == "embedder")
    return one_of(parts[2], "conv1", "bn1");
  return parts[0] == "encoder" ? block_module(parts) : std::nullopt;
}

std::optional<std::string> torchvision_name(const std::string& name) {
  Parts parts = io::split(name, '.');
  if (parts.front() == "resnet") parts.erase(parts.begin());
  if (parts.size() < 2) return std::nullopt;
  const std::string parameter = parts.back();
  parts.pop_back();
  const std::optional<std::string> module = module_name(parts);
  if (!module) return std::nullopt;
  return *module + "." + parameter;
}

}  // namespace

void rename_from_transformers(StateDict& dict) {
  const bool is_theirs = std::any_of(dict.tensors.begin(), dict.tensors.end(), [](const auto& entry) {
    return entry.first.ends_with("embedder.embedder.convolution.weight");
  });
  if (!is_theirs) return;
  for (auto& [name, tensor] : dict.tensors) {
    if (auto own = torchvision_name(name)) name = std::move(*own);
  }
}

}  // namespace iba
