#include "import/checked_forms.h"

#include <map>

#include "error.h"

namespace iba::imported {

namespace {

/// The arguments of one call by the names of its schema; None for those that it doesn't have.
class NamedArguments {
 public:
  NamedArguments(const c10::FunctionSchema& schema, const std::vector<Item>& arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) by_name_[schema.arguments()[i].name()] = arguments[i];
  }

  Item operator[](const std::string& name) const {
    auto found = by_name_.find(name);
    return found == by_name_.end() ? make_item({}) : found->second;
  }

 private:
  std::map<std::string, Item> by_name_;
};

/// With what only training asks for: statistics of the batch, or of the rows.
Item with_statistics(Item result) {
  return make_list({std::move(result), make_item(Tensor()), make_item(Tensor())});
}

Item plain_batch_norm(Recorder& recorder, const NamedArguments& call) {
  return with_statistics(recorder.call_by_name(
      "aten::batch_norm", "",
      {call["input"], call["weight"], call["bias"], call["running_mean"], call["running_var"],
       make_item(false), call["momentum"], call["eps"], make_item(false)}));
}

Item group_norm(Recorder& recorder, const NamedArguments& call) {
  const Tensor& input = call["input"]->value.toTensor();
  bool is_whole = input.dim() >= 2 && call["N"]->value.toInt() == input.size(0) &&
                  call["C"]->value.toInt() == input.size(1);
  if (!is_whole) {
    throw Error(ErrorCode::model, "In " + recorder.place() +
                                      ", a group norm counts other images or channels than its input has. "
                                      "Export the model again.");
  }
  return with_statistics(recorder.call_by_name(
      "aten::group_norm", "",
      {call["input"], call["group"], call["weight"], call["bias"], call["eps"], make_item(false)}));
}

Item weight_norm(Recorder& recorder, const NamedArguments& call) {
  Item norm =
      recorder.call_by_name("aten::norm_except_dim", "", {call["v"], make_item(int64_t{2}), call["dim"]});
  Item scale = recorder.call_by_name("aten::div", "Tensor", {call["g"], norm});
  return recorder.call_by_name("aten::mul", "Tensor", {call["v"], scale});
}

Item attention(Recorder& recorder, const NamedArguments& call) {
  Item seen = recorder.call_by_name("aten::scaled_dot_product_attention", "",
                                    {call["query"], call["key"], call["value"], call["attn_mask"],
                                     make_item(0.0), call["is_causal"], call["scale"]});
  return make_list({seen, make_item(Tensor())});
}

}  // namespace

Item through_checked_form(Recorder& recorder, const c10::FunctionSchema& schema,
                          const std::vector<Item>& arguments) {
  static const std::map<std::string, Item (*)(Recorder&, const NamedArguments&)> kForms = {
      {"aten::native_batch_norm", plain_batch_norm},
      {"aten::_native_batch_norm_legit", plain_batch_norm},
      {"aten::_native_batch_norm_legit_no_training", plain_batch_norm},
      {"aten::native_group_norm", group_norm},
      {"aten::_weight_norm", weight_norm},
      {"aten::_scaled_dot_product_flash_attention_for_cpu", attention}};
  auto form = kForms.find(schema.name());
  return form == kForms.end() ? nullptr : form->second(recorder, NamedArguments(schema, arguments));
}

}  // namespace iba::imported
