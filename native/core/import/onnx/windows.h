#pragma once

#include <string>
#include <vector>

#include "import/onnx/call.h"

namespace iba::imported::onnx {

/// How the window of a convolution or a pool moves over the spatial dimensions of its input.
struct Window {
  std::vector<int64_t> kernel, stride, dilation;
  /// The padding in front of and behind each dimension. Numbers of the images' size for the padding "same".
  std::vector<Item> begin, end;
};

/// The window that a node's attributes tell for an input (N, C, …). Throws MODEL where it has other than one
/// or two spatial dimensions, or lists of other lengths.
Window window_of(Call& call, const Item& input, const std::vector<int64_t>& kernel);

/// The same padding in front and behind, if it is, as plain numbers.
std::optional<std::vector<int64_t>> symmetric_padding(const Window& window);

/// The input with the window's padding around it.
Item padded(Call& call, const Item& input, const Window& window, double value);

/// The name of LibTorch's operator for a window of so many dimensions: "conv2d".
std::string with_dimensions(const std::string& name, const Window& window);

/// A list that is an attribute with an element for each spatial dimension, all `otherwise` where it isn't
/// there.
std::vector<int64_t> spatial_list(Call& call, const std::string& name, size_t dimensions, int64_t otherwise);

}  // namespace iba::imported::onnx
