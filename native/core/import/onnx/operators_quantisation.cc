#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

/// A scale or a zero point, which has an element for each place along the axis, in the shape that broadcasts.
Tensor along_axis(Call& call, const Tensor& values, int64_t rank) {
  if (values.numel() == 1) return values.reshape({});
  int64_t axis = call.axis(call.integer("axis", 1), rank);
  if (values.dim() != 1 || call.integer("block_size", 0) != 0) {
    call.refuse("is quantised in blocks, which isn't read. Quantise each channel as a whole, or not at all.");
  }
  std::vector<int64_t> shape(static_cast<size_t>(rank), 1);
  shape[static_cast<size_t>(axis)] = values.numel();
  return values.reshape(shape);
}

struct Grid {
  Tensor scale, zero;
};

Grid grid_of(Call& call, int64_t rank) {
  auto scale = call.constant(1);
  auto zero = call.constant(2);
  if (!scale || (call.has(2) && !zero)) {
    call.refuse(
        "is quantised by what the image decides, which isn't read. Use the model before quantisation.");
  }
  Tensor step = along_axis(call, scale->to(at::kFloat), rank);
  return {step, zero ? along_axis(call, zero->to(at::kFloat), rank) : at::zeros({})};
}

/// Constants are restored exactly; what is computed was never made coarse, see `quantised`.
std::vector<Item> dequantised(Call& call) {
  auto constant = call.constant(0);
  if (!constant) return {call.input(0)};
  if (constant->is_floating_point()) return {make_item(*constant)};
  auto [scale, zero] = grid_of(call, constant->dim());
  return {make_item((constant->to(at::kFloat) - zero) * scale)};
}

/// What is computed stays as fine as it is. Quantisers leave out a ReLU where numbers below zero have no
/// place: the bounds of such a range are kept.
Item kept_in_range(Call& call, const Grid& grid, int64_t least, int64_t most) {
  Item input = call.tensor(0);
  bool ends_at_zero = grid.zero.numel() == 1 && grid.scale.numel() == 1 &&
                      grid.zero.item<double>() == static_cast<double>(least);
  if (!ends_at_zero) return input;
  double upper = static_cast<double>(most - least) * grid.scale.item<double>();
  return call.aten("hardtanh", {input, number(0.0), number(upper)});
}

/// Of constants, the rounded value in the type of the zero point.
std::vector<Item> quantised(Call& call) {
  auto given = call.constant(2);
  bool is_signed = given && given->scalar_type() == at::kChar;
  if (given && !is_signed && given->scalar_type() != at::kByte) {
    call.refuse("makes numbers of other than 8 bits, which aren't read. Use the model before quantisation.");
  }
  auto [scale, zero] = grid_of(call, call.rank(0));
  auto constant = call.constant(0);
  if (!constant) return {kept_in_range(call, {scale, zero}, is_signed ? -128 : 0, is_signed ? 127 : 255)};
  Tensor steps = at::round(*constant / scale) + zero;
  Tensor kept = is_signed ? steps.clamp(-128, 127) : steps.clamp(0, 255);
  return {make_item(kept.to(is_signed ? at::kChar : at::kByte))};
}

}  // namespace

void add_quantisation(OperatorTable& table) {
  for (const char* domain : {"", "com.microsoft."}) {
    table[std::string(domain) + "DequantizeLinear"] = dequantised;
    table[std::string(domain) + "QuantizeLinear"] = quantised;
  }
}

}  // namespace iba::imported::onnx
