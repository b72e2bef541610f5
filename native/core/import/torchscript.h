#pragma once

#include <filesystem>

#include <ATen/core/ivalue.h>

#include "import/recorder.h"

namespace iba::imported {

/// A model that torch.jit.script or torch.jit.trace made, run step by step under the eyes of a recorder.
class TorchScriptProgram {
 public:
  /// Reads the file; the model is put into evaluation mode and float32. Throws WEIGHTS or MODEL.
  explicit TorchScriptProgram(const std::filesystem::path& path);

  /// What the model returns for the recorder's images, or token ids.
  Item run(Recorder& recorder) const;

  /// As script_lengths.h says.
  std::vector<int64_t> possible_lengths() const;

 private:
  at::IValue model_;
  std::vector<at::IValue> constants_;
};

}  // namespace iba::imported
