#include "import/onnx/model_file.h"
#include "support/input.h"

void iba::fuzz::read(const Input& input) {
  const auto path = input.file();
  imported::onnx::external_files(path);
  if (imported::onnx::is_onnx(path)) imported::onnx::read_onnx(path);
}
