#include "import/onnx/norms.h"
#include "import/onnx/numbers.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

std::vector<Item> batch_norm(Call& call) {
  // Weights that are standardised as the model runs are a batch of their own.
  bool takes_batch = call.integer("training_mode", 0) != 0;
  if (takes_batch && call.input(0)->from_pixels) {
    call.refuse("takes the statistics of its batch, as in training. Call model.eval() before the export.");
  }
  Item mean = takes_batch ? none() : call.tensor(3), variance = takes_batch ? none() : call.tensor(4);
  return {call.aten("batch_norm",
                    {call.tensor(0), call.tensor(1), call.tensor(2), mean, variance, make_item(false),
                     number(0.1), number(call.real("epsilon", 1e-5)), make_item(false)})};
}

std::vector<Item> instance_norm(Call& call) {
  return {call.aten("instance_norm",
                    {call.tensor(0), call.tensor(1), call.tensor(2), none(), none(), make_item(true),
                     number(0.1), number(call.real("epsilon", 1e-5)), make_item(false)})};
}

/// Until opset 20, weight and bias have an element for each group.
std::vector<Item> group_norm(Call& call) {
  int64_t groups = call.integer("num_groups", 0);
  Item input = call.tensor(0);
  if (groups < 1 || call.rank(0) < 2 || tensor_in(input).size(1) % groups != 0) {
    call.refuse("has " + std::to_string(groups) + " groups, expected a divisor of the channels.");
  }
  auto of_channels = [&](size_t i) {
    auto constant = call.constant(i);
    if (!constant || constant->dim() != 1) call.refuse("has weights that aren't constant lists.");
    int64_t channels = tensor_in(input).size(1);
    if (constant->numel() == channels) return make_item(*constant);
    if (constant->numel() != groups) call.refuse("has weights for other than its groups or channels.");
    return make_item(constant->repeat_interleave(channels / groups));
  };
  return {call.aten("group_norm", {input, number(groups), of_channels(1), of_channels(2),
                                   number(call.real("epsilon", 1e-5)), make_item(false)})};
}

std::vector<Item> layer_norm(Call& call) {
  return {layer_norm_of(call, call.tensor(0), 1, 2)};
}

std::vector<Item> rms_norm(Call& call) {
  return {rms_norm_of(call, call.tensor(0), 1)};
}

/// x / (bias + alpha / size · the sum of squares over neighbouring channels)^beta
std::vector<Item> local_response_norm(Call& call) {
  int64_t size = call.integer("size", 0);
  if (size < 1 || size > 1024 || call.rank(0) != 4) {
    call.refuse("takes the sum over " + std::to_string(size) + " channels of a tensor of " +
                std::to_string(call.rank(0)) + " dimensions, expected 1 to 1024, of four.");
  }
  Item input = call.tensor(0);
  Item squares = call.aten("unsqueeze", {call.aten("mul", {input, input}, "Tensor"), number(int64_t{1})});
  int64_t before = (size - 1) / 2;
  Item around = call.aten("constant_pad_nd",
                          {squares, integers_item({0, 0, 0, 0, before, size - 1 - before}), number(0.0)});
  Item means = call.aten("avg_pool3d", {around, integers_item({size, 1, 1}), integers_item({1, 1, 1})});
  Item scaled = call.aten(
      "mul", {call.aten("squeeze", {means, number(int64_t{1})}, "dim"), number(call.real("alpha", 1e-4))},
      "Scalar");
  Item moved = call.aten("add", {scaled, number(call.real("bias", 1.0))}, "Scalar");
  Item divisor = call.aten("pow", {moved, number(call.real("beta", 0.75))}, "Tensor_Scalar");
  return {call.aten("div", {input, divisor}, "Tensor")};
}

std::vector<Item> mean_variance_norm(Call& call) {
  auto axes = call.axes(call.integers("axes").value_or(std::vector<int64_t>{0, 2, 3}), call.rank(0));
  for (int64_t axis : axes) {
    if (axis == 0) call.refuse("takes the statistics of its batch, so that there is no map of one image.");
  }
  Item input = call.tensor(0);
  Item mean = call.aten("mean", {input, integers_item(axes), make_item(true), none()}, "dim");
  Item centred = call.aten("sub", {input, mean}, "Tensor");
  Item squares = call.aten("mul", {centred, centred}, "Tensor");
  Item variance = call.aten("mean", {squares, integers_item(axes), make_item(true), none()}, "dim");
  Item deviation = call.aten("add", {call.aten("sqrt", {variance}), number(1e-9)}, "Scalar");
  return {call.aten("div", {centred, deviation}, "Tensor")};
}

std::vector<Item> lp_norm(Call& call) {
  Item input = call.tensor(0);
  int64_t axis = call.axis(call.integer("axis", -1), call.rank(0));
  Item norm = call.aten("linalg_vector_norm", {input, number(static_cast<double>(call.integer("p", 2))),
                                               integers_item({axis}), make_item(true), none()});
  return {call.aten("div", {input, norm}, "Tensor")};
}

}  // namespace

void add_norms(OperatorTable& table) {
  table["BatchNormalization"] = batch_norm;
  table["InstanceNormalization"] = instance_norm;
  table["GroupNormalization"] = group_norm;
  // onnxruntime writes its own among ONNX's.
  for (const char* name : {"LayerNormalization", "com.microsoft.LayerNormalization"})
    table[name] = layer_norm;
  for (const char* name :
       {"RMSNormalization", "SimplifiedLayerNormalization", "com.microsoft.SimplifiedLayerNormalization"}) {
    table[name] = rms_norm;
  }
  table["LRN"] = local_response_norm;
  table["MeanVarianceNormalization"] = mean_variance_norm;
  table["LpNormalization"] = lp_norm;
}

}  // namespace iba::imported::onnx
