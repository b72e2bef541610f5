#pragma once

#include <filesystem>

namespace iba::imported {

/// Looks at what LibTorch's own loader trusts: that the archive's entries lie plainly inside of the file, and
/// that its pickles hold known instructions and are not nested deeper than its stack allows. Throws WEIGHTS.
void check_torchscript_file(const std::filesystem::path& path);

}  // namespace iba::imported
