#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "weights/pickle_node.h"

namespace iba::imported {

/// What a TorchScript file holds, as data: nothing of it has run.
struct ScriptArchive {
  /// Owns the nodes.
  std::shared_ptr<pickle::Arena> arena;
  /// The model's object, and the tuple of its program's constants.
  const pickle::Node* model;
  const pickle::Node* constants;
  /// Of the operators that the program was written for.
  uint64_t version;
  /// The source of each module of the program: "__torch__.torch.nn.modules.conv".
  std::map<std::string, std::string> sources;
};

/// Reads what torch.jit.save wrote. Records that only LibTorch's debugger or other loaders need are left out.
/// Throws Malformed.
ScriptArchive read_script_archive(const std::filesystem::path& path);

}  // namespace iba::imported
