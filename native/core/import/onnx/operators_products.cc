#include "import/onnx/activations.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

/// The weight (out, in) of x·B, where that is the same for all images.
std::optional<Tensor> linear_weight(const Call& call, size_t i, bool transposed, double scale) {
  auto matrix = call.constant(i);
  if (!matrix || matrix->dim() != 2 || !matrix->is_floating_point()) return std::nullopt;
  Tensor weight = (transposed ? *matrix : matrix->t()).contiguous();
  return scale == 1 ? weight : weight * scale;
}

/// The bias (out) of a linear layer, where C can be read as one.
std::optional<Tensor> linear_bias(const Call& call, size_t i, int64_t outputs, double scale) {
  auto bias = call.constant(i);
  if (!bias || bias->numel() == 0) return std::nullopt;
  bool is_row = bias->dim() == 0 || bias->numel() == bias->size(-1);
  if (!is_row || (bias->numel() != outputs && bias->numel() != 1)) return std::nullopt;
  Tensor row = bias->reshape({-1}).expand({outputs}).contiguous();
  return scale == 1 ? row : row * scale;
}

Item scaled(Call& call, const Item& tensor, double scale) {
  return scale == 1 ? tensor : call.aten("mul", {tensor, number(scale)}, "Scalar");
}

Item matrix(Call& call, size_t i, bool transposed) {
  Item item = call.tensor(i);
  if (!transposed) return item;
  if (call.rank(i) < 2) call.refuse("transposes a tensor of less than two dimensions. The file is damaged.");
  return call.aten("transpose", {item, number(int64_t{-2}), number(int64_t{-1})}, "int");
}

/// alpha·A·B + beta·C
Item general_product(Call& call) {
  double alpha = call.real("alpha", 1.0), beta = call.real("beta", 1.0);
  bool first = call.integer("transA", 0) != 0, second = call.integer("transB", 0) != 0;
  bool has_bias = call.has(2) && beta != 0;
  if (!first) {
    if (auto weight = linear_weight(call, 1, second, alpha)) {
      auto bias = has_bias ? linear_bias(call, 2, weight->size(0), beta) : std::nullopt;
      if (bias || !has_bias) {
        return call.aten("linear", {call.tensor(0), make_item(*weight), bias ? make_item(*bias) : none()});
      }
    }
  }
  Item product = scaled(call, call.aten("matmul", {matrix(call, 0, first), matrix(call, 1, second)}), alpha);
  return has_bias ? call.aten("add", {product, scaled(call, call.tensor(2), beta)}, "Tensor") : product;
}

std::vector<Item> gemm(Call& call) {
  return {general_product(call)};
}

std::vector<Item> matmul(Call& call) {
  if (call.rank(0) >= 2) {
    if (auto weight = linear_weight(call, 1, false, 1)) {
      return {call.aten("linear", {call.tensor(0), make_item(*weight), none()})};
    }
  }
  return {call.aten("matmul", {call.tensor(0), call.tensor(1)})};
}

/// A product of matrices and a sum that follows it.
std::vector<Item> product_with_bias(Call& call) {
  if (call.rank(0) >= 2) {
    auto weight = linear_weight(call, 1, false, 1);
    auto bias = weight ? linear_bias(call, 2, weight->size(0), 1) : std::nullopt;
    if (bias) return {call.aten("linear", {call.tensor(0), make_item(*weight), make_item(*bias)})};
  }
  Item product = call.aten("matmul", {call.tensor(0), call.tensor(1)});
  return {call.aten("add", {product, call.tensor(2)}, "Tensor")};
}

std::vector<Item> fused_matmul(Call& call) {
  if (call.integer("transBatchA", 0) != 0 || call.integer("transBatchB", 0) != 0) {
    call.refuse("transposes batches, which isn't read. Save the model without onnxruntime's optimisations.");
  }
  bool first = call.integer("transA", 0) != 0, second = call.integer("transB", 0) != 0;
  double alpha = call.real("alpha", 1.0);
  Item product = call.aten("matmul", {matrix(call, 0, first), matrix(call, 1, second)});
  return {scaled(call, product, alpha)};
}

std::vector<Item> fused_gemm(Call& call) {
  return {fused_activation(call, general_product(call), {call.real("activation_alpha", 0.01)})};
}

std::vector<Item> einsum(Call& call) {
  std::vector<Item> tensors;
  for (size_t i = 0; i < call.input_count(); ++i) tensors.push_back(call.tensor(i));
  return {call.aten("einsum", {make_item(call.text("equation", "")), make_list(std::move(tensors)), none()})};
}

}  // namespace

void add_products(OperatorTable& table) {
  table["Gemm"] = gemm;
  table["MatMul"] = matmul;
  table["fused.Linear"] = product_with_bias;
  table["Einsum"] = einsum;
  table["com.microsoft.FusedMatMul"] = fused_matmul;
  table["com.microsoft.FusedGemm"] = fused_gemm;
}

}  // namespace iba::imported::onnx
