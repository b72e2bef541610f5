#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace iba::imported {

/// What a file or folder is that was given as a model and can't be one, as in "it is a Keras model", with
/// what to do. It goes by the first bytes, the names in an archive, and where these don't tell, by the ending
/// of the name. Absent for what may be TorchScript, an exported program or an ONNX model. Throws Malformed
/// for a broken archive.
std::optional<std::string> foreign_file(const std::filesystem::path& path);

}  // namespace iba::imported
