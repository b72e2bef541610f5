#pragma once

#include <optional>
#include <string>
#include <vector>

#include "import/recorder.h"

namespace iba::imported::onnx {

/// ONNX has tensors alone, and computes with shapes as with any other. What a node `Shape` gives is kept as
/// a list of numbers instead, of which each knows what it depends on: the batch, the images' size, or
/// neither.
constexpr size_t kMostNumbers = 4096;

/// Whether it is a number, or a list of them, rather than a tensor.
bool is_numbers(const Item& item);

/// The numbers of a list or of a tensor of one dimension or none. Absent where it has more of either than
/// `kMostNumbers`, or depends on pixels.
std::optional<std::vector<Item>> as_numbers(Recorder& recorder, const Item& item);

/// The tensor of one dimension, or none, that numbers stand for; a tensor as it is.
Item as_tensor(Recorder& recorder, const Item& item);

/// Whether an operator on these works number by number: one of them holds numbers, and the others do or are
/// constants as small.
bool work_as_numbers(const std::vector<Item>& inputs);

/// What the operator gives for each pair of numbers of two lists, of which one may be a single number.
Item on_numbers(Recorder& recorder, const std::string& operation, const Item& a, const Item& b);

/// The same for an operator of one number.
Item on_numbers(Recorder& recorder, const std::string& operation, const Item& a);

/// A number as an integer, or as a real number.
Item as_integer(Recorder& recorder, const Item& item);
Item as_real(Recorder& recorder, const Item& item);

/// Sums, differences, products and quotients (rounded towards zero) of whole numbers.
Item plus(Recorder& recorder, const Item& a, const Item& b);
Item minus(Recorder& recorder, const Item& a, const Item& b);
Item times(Recorder& recorder, const Item& a, const Item& b);
Item quotient(Recorder& recorder, const Item& a, const Item& b);

/// Whether there are operators on numbers for the ONNX operator.
bool has_form_for_numbers(const std::string& operation);

}  // namespace iba::imported::onnx
