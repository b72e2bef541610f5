#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "import/onnx/call.h"
#include "import/onnx/graph.h"
#include "import/recorder.h"

namespace iba::imported::onnx {

/// An ONNX model, run node by node under the eyes of a recorder.
class Program {
 public:
  /// Throws WEIGHTS or MODEL. `image_size` (height, width) is that of images where the file leaves it open.
  Program(Model model, std::array<int64_t, 2> image_size);

  /// The model's outputs by their names for the recorder's images (N, channels, height, width).
  Item run(Recorder& recorder);

  /// (channels, height, width) of the images it takes; of token ids (1, 1, how many).
  std::array<int64_t, 3> image_shape() const { return image_shape_; }
  /// Whether its input is token ids (N, T) rather than images.
  bool takes_tokens() const { return takes_tokens_; }
  /// Whether it may take images of any size, or any number of tokens.
  bool has_any_size() const { return has_any_size_; }
  /// The number of images that it was made for. Absent where it may take any.
  std::optional<int64_t> batch() const { return batch_; }

  /// What users should know of how it is read, in sentences.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  void read_images(std::array<int64_t, 2> image_size);
  void read_length(const Value& input);
  void read_layout(const std::vector<std::variant<int64_t, std::string>>& sides);
  void check_operators();
  void check_operators(const std::vector<Node>& nodes);
  /// The sizes in each node that a single image of this size gives.
  const std::vector<NodeSizes>& single_sizes(const Tensor& images);
  void note(const std::string& sentence);

  Model model_;
  std::string images_name_;
  std::array<int64_t, 3> image_shape_{};
  bool takes_tokens_ = false;
  bool channels_last_ = false;
  bool has_any_size_ = false;
  std::optional<int64_t> batch_;
  std::map<std::array<int64_t, 2>, std::vector<NodeSizes>> single_sizes_;
  std::vector<std::string> notes_;
};

}  // namespace iba::imported::onnx
