#pragma once

#include <array>
#include <filesystem>
#include <optional>

#include "import/exported_archive.h"
#include "import/exported_graph.h"
#include "import/recorder.h"

namespace iba::imported {

/// A model that torch.export.export made, run node by node under the eyes of a recorder.
class ExportedProgram {
 public:
  /// Throws WEIGHTS or MODEL.
  explicit ExportedProgram(const std::filesystem::path& path);

  /// Of what was read already. Throws Malformed or MODEL.
  explicit ExportedProgram(ExportedArchive archive);

  /// What the model returns for the recorder's images, with null for what is no tensor.
  Item run(Recorder& recorder) const;

  /// (channels, height, width) of the images it was exported for; of token ids (1, 1, how many).
  std::array<int64_t, 3> image_shape() const { return image_shape_; }
  /// Whether its input is token ids (N, T) rather than images.
  bool takes_tokens() const { return takes_tokens_; }
  /// Whether it takes images of any size, or any number of tokens: if not, it was specialised to this one.
  bool has_any_size() const { return has_any_size_; }
  /// Whether it takes any number of images.
  bool has_any_batch() const { return has_any_batch_; }

 private:
  void read_input();
  void read_image_shape(const std::vector<io::JsonValue>& sizes);
  void read_length(const std::vector<io::JsonValue>& sizes);
  void read_outputs();

  ExportedArchive archive_;
  std::string images_name_;
  OutputTree outputs_;
  std::vector<std::string> output_names_;  // of its leaves, empty where one is no tensor
  std::array<int64_t, 3> image_shape_{};
  bool takes_tokens_ = false;
  bool has_any_size_ = false;
  bool has_any_batch_ = false;
};

}  // namespace iba::imported
