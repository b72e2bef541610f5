#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

/// Queries, keys and values (N, heads, T, size). A scale of zero stands for the usual one.
struct Heads {
  Item query, key, value, mask;
  bool is_causal;
  double scale;
};

Item attention_of(Call& call, const Heads& heads) {
  Item scale = heads.scale == 0 ? none() : number(heads.scale);
  return call.aten("scaled_dot_product_attention", {heads.query, heads.key, heads.value, heads.mask,
                                                    number(0.0), make_item(heads.is_causal), scale});
}

/// Tokens (N, T, heads · size) as (N, heads, T, size); four dimensions as they are.
Item by_heads(Call& call, const Item& tokens, int64_t heads) {
  if (tensor_in(tokens).dim() == 4) return tokens;
  if (heads < 1 || tensor_in(tokens).dim() != 3 || tensor_in(tokens).size(2) % heads != 0) {
    call.refuse("has " + std::to_string(heads) + " heads, expected a divisor of its channels.");
  }
  int64_t size = tensor_in(tokens).size(2) / heads;
  Item apart = call.aten(
      "reshape",
      {tokens, make_list({call.size(tokens, 0), call.size(tokens, 1), number(heads), number(size)})});
  return call.aten("permute", {apart, integers_item({0, 2, 1, 3})});
}

Item joined_heads(Call& call, const Item& seen) {
  Item moved = call.aten("permute", {seen, integers_item({0, 2, 1, 3})});
  return call.aten("flatten", {moved, number(int64_t{2}), number(int64_t{-1})}, "using_ints");
}

void refuse_inputs_from(Call& call, size_t first, const char* what) {
  for (size_t i = first; i < call.input_count(); ++i) {
    if (call.has(i))
      call.refuse(std::string("takes ") + what + ", which isn't read for images. Export the model again.");
  }
}

/// ONNX's own, of opset 23.
std::vector<Item> attention(Call& call) {
  refuse_inputs_from(call, 4, "earlier keys and values");
  if (call.real("softcap", 0) != 0 || call.integer("qk_matmul_output_mode", 0) != 0 || call.has_output(1)) {
    call.refuse(
        "bounds its scores or gives them, which isn't read. Export the model for opset 22 or earlier.");
  }
  bool by_three = call.rank(0) == 3;
  int64_t heads = call.integer("q_num_heads", 0), pair_heads = call.integer("kv_num_heads", heads);
  if (by_three && heads != pair_heads)
    call.refuse("has fewer heads of keys than of queries, which isn't read.");
  Item seen =
      attention_of(call, {by_heads(call, call.tensor(0), heads), by_heads(call, call.tensor(1), pair_heads),
                          by_heads(call, call.tensor(2), pair_heads), call.optional_tensor(3),
                          call.integer("is_causal", 0) != 0, call.real("scale", 0)});
  return {by_three ? joined_heads(call, seen) : seen};
}

Item with_bias(Call& call, const Item& tokens, const std::optional<Tensor>& bias, int64_t begin) {
  if (!bias) return tokens;
  int64_t size = tensor_in(tokens).size(2);
  if (bias->dim() != 1 || bias->numel() < begin + size)
    call.refuse("has a bias of another size than its channels.");
  return call.aten("add", {tokens, make_item(bias->slice(0, begin, begin + size).clone())}, "Tensor");
}

/// onnxruntime's, of queries, keys and values that are apart.
std::vector<Item> multi_head(Call& call) {
  if (call.has(4)) call.refuse("masks keys, which isn't read for images. Export the model again.");
  refuse_inputs_from(call, 6, "earlier keys and values");
  if (!call.has(1) || !call.has(2) || call.rank(0) != 3 || call.rank(1) != 3) {
    call.refuse(
        "takes queries, keys and values packed into one. Save the model without onnxruntime's "
        "optimisations.");
  }
  int64_t heads = call.integer("num_heads", 0);
  std::optional<Tensor> bias = call.constant(3);
  if (call.has(3) && !bias) call.refuse("has a bias that isn't constant. Export the model again.");
  Item query = call.tensor(0), key = call.tensor(1), value = call.tensor(2);
  int64_t size = tensor_in(query).size(2);
  Item seen = attention_of(
      call, {by_heads(call, with_bias(call, query, bias, 0), heads),
             by_heads(call, with_bias(call, key, bias, size), heads),
             by_heads(call, with_bias(call, value, bias, 2 * size), heads), call.optional_tensor(5),
             call.integer("unidirectional", 0) != 0, call.real("scale", 0)});
  return {joined_heads(call, seen)};
}

/// onnxruntime's, which makes queries, keys and values itself.
std::vector<Item> with_projection(Call& call) {
  if (call.has(3)) call.refuse("masks tokens, which isn't read for images. Export the model again.");
  if (call.has(4)) call.refuse("takes earlier keys and values, which isn't read for images.");
  auto weight = call.constant(1), bias = call.constant(2);
  int64_t heads = call.integer("num_heads", 0);
  if (!weight || weight->dim() != 2 || weight->size(1) % 3 != 0 || call.has_attribute("qkv_hidden_sizes")) {
    call.refuse(
        "has no constant weights of queries, keys and values of one size. Save the model without "
        "onnxruntime's optimisations.");
  }
  Item all = call.aten(
      "linear", {call.tensor(0), make_item(weight->t().contiguous()), bias ? make_item(*bias) : none()});
  auto parts = elements_of(call.aten("chunk", {all, number(int64_t{3}), number(int64_t{2})}));
  Item seen = attention_of(call, {by_heads(call, parts.at(0), heads), by_heads(call, parts.at(1), heads),
                                  by_heads(call, parts.at(2), heads), call.optional_tensor(5),
                                  call.integer("unidirectional", 0) != 0, call.real("scale", 0)});
  return {joined_heads(call, seen)};
}

}  // namespace

void add_attention(OperatorTable& table) {
  table["Attention"] = attention;
  table["com.microsoft.MultiHeadAttention"] = multi_head;
  table["com.microsoft.Attention"] = with_projection;
}

}  // namespace iba::imported::onnx
