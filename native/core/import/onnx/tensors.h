#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "import/onnx/external_data.h"
#include "import/onnx/wire.h"
#include "network/operation.h"

namespace iba::imported::onnx {

/// What a file says of a tensor. Its values are not read yet.
struct TensorEntry {
  explicit TensorEntry(const Message& message);

  std::string name;
  int64_t type = 0;
  std::vector<int64_t> shape;
  std::optional<Range> raw;
  std::optional<ExternalPlace> external;
  /// Values that are written one by one stand here, in a field of their type.
  Message message;
};

/// The type that a tensor of the format's type has here: its own, or for unsigned integers of 16 and more
/// bits, which LibTorch hardly computes with, a wider signed one. Absent for those that aren't read.
std::optional<at::ScalarType> scalar_type(int64_t type);

/// Reads tensors into memory of their own, which is a small multiple of the bytes that hold them.
class TensorReader {
 public:
  /// `model` is the path of `file`.
  TensorReader(BufferedFile& file, const std::filesystem::path& model) : file_(file), external_(model) {}

  /// Throws Malformed where shape and values don't agree, and Error MODEL for a type that can't be read.
  Tensor read(const TensorEntry& entry);

 private:
  /// The file that holds the tensor's values, in so many bytes.
  const io::InputFile& external_file(const TensorEntry& entry, uint64_t bytes);

  BufferedFile& file_;
  ExternalFiles external_;
  uint64_t external_bytes_ = 0;
};

}  // namespace iba::imported::onnx
