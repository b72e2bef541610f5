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

  /// What the model returns for the recorder's images.
  Item run(Recorder& recorder) const;

 private:
  at::IValue model_;
};

}  // namespace iba::imported
