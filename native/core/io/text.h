#pragma once

#include <string>
#include <vector>

#include "torch.h"

namespace iba::io {

/// The parts with the separator between them.
std::string joined(const std::vector<std::string>& parts, const std::string& separator = ", ");

/// What lies between the separators; one empty part for an empty text.
std::vector<std::string> split(const std::string& text, char separator);

/// The first eight of them, and how many more there are.
std::string joined_some(const std::vector<std::string>& parts);

/// Up to three of the candidates, nearest in spelling first, joined.
std::string nearest(const std::string& name, const std::vector<std::string>& candidates);

/// "(1, 3, 224, 224)".
std::string shape_text(at::IntArrayRef shape);

/// A message of LibTorch's without what only its developers can use: the backtrace, and the places in its
/// source.
std::string without_frames(std::string message);

/// The beginning of such a message, on one line.
std::string first_lines(const std::string& message);

}  // namespace iba::io
