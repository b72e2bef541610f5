#include "import/attention.h"

#include "error.h"

namespace iba::imported {

Item expand_attention(Recorder& recorder, const std::vector<Item>& arguments) {
  const Item& x = arguments[0];
  const int64_t heads = arguments[4]->value.toInt();
  bool is_plain = x->id && arguments[1]->id == x->id && arguments[2]->id == x->id &&
                  arguments[9]->value.isNone() && x->value.toTensor().dim() == 3 && heads > 0;
  if (!is_plain) {
    throw Error(ErrorCode::model,
                "In " + recorder.place() + ", attention between different tensors, or with a mask, was " +
                    "recorded in a form that has no gradient. Trace the model with gradients " +
                    "enabled, and with parameters that require them.");
  }
  int64_t width = arguments[3]->value.toInt() / heads;
  auto number = [](int64_t value) { return make_item(value); };
  auto numbers = [](std::vector<int64_t> values) { return make_item(std::move(values)); };
  Item all = recorder.call_by_name("aten::linear", "", {x, arguments[5], arguments[6]});
  all = recorder.call_by_name("aten::unflatten", "int", {all, number(-1), numbers({3, heads, width})});
  all = recorder.call_by_name("aten::permute", "", {all, numbers({2, 0, 3, 1, 4})});
  std::vector<Item> parts;
  for (int64_t i = 0; i < 3; ++i)
    parts.push_back(recorder.call_by_name("aten::select", "int", {all, number(0), number(i)}));
  Item seen = recorder.call_by_name("aten::scaled_dot_product_attention", "", parts);
  seen = recorder.call_by_name("aten::transpose", "int", {seen, number(1), number(2)});
  seen = recorder.call_by_name("aten::flatten", "using_ints", {seen, number(2), number(-1)});
  seen = recorder.call_by_name("aten::linear", "", {seen, arguments[7], arguments[8]});
  return make_list({seen, make_item(Tensor())});
}

}  // namespace iba::imported
