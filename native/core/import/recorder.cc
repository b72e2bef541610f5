#include "import/recorder.h"

#include <torch/csrc/autograd/grad_mode.h>

#include "error.h"
#include "import/allowed_operators.h"
#include "import/argument_limits.h"
#include "import/attention.h"
#include "import/checked_arguments.h"
#include "import/checked_forms.h"
#include "import/known_operations.h"
#include "runtime/cancellation_scope.h"

namespace iba::imported {

namespace {

bool is_absent(const c10::FunctionSchema& schema, const std::vector<Item>& arguments, const char* name) {
  auto index = schema.argumentIndexWithName(name);
  return index && arguments[static_cast<size_t>(*index)]->value.isNone();
}

/// Layers compute as in evaluation, whatever the file was made in. Without running statistics, evaluation
/// takes those of the batch.
void evaluate(const c10::FunctionSchema& schema, std::vector<Item>& arguments) {
  bool takes_batch = is_absent(schema, arguments, "running_mean");
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = schema.arguments()[i].name();
    if (name == "train" || name == "training") arguments[i] = make_item(takes_batch);
  }
}

torch::jit::Stack run(const NativeOperator& op, const std::vector<Item>& arguments) {
  at::NoGradGuard no_grad;
  torch::jit::Stack stack;
  for (size_t i = 0; i < arguments.size(); ++i) {
    stack.push_back(value_of(arguments[i], op.schema.arguments()[i].type()));
  }
  op.run(stack);
  return stack;
}

bool is_number(const at::IValue& value) {
  return value.isInt() || value.isDouble() || value.isBool();
}

}  // namespace

Recorder::Recorder(Tensor images, ShapeLog log) : images_(make_item(images)), log_(std::move(log)) {
  images_->id = writer_.input();
  images_->from_pixels = true;
  memory_.watch(images_);
}

Recorder::Dependence Recorder::dependence_of(const std::vector<Item>& arguments) const {
  Dependence depends;
  auto look = [&](const Entry& entry) {
    if (entry.stale) {
      throw Error(ErrorCode::model,
                  "In " + place() + ", a tensor is read after a view of it was written to, which " +
                      "can't be told apart. Change the model so that it makes a new tensor there.");
    }
    if (entry.from_pixels && !entry.id) {
      throw Error(ErrorCode::model,
                  "In " + place() + ", the model reads a number off the pixels of its images and goes " +
                      "on with it, which a list of steps can't follow. Trace it with torch.jit.trace, "
                      "or remove that.");
    }
    depends.pixels |= entry.from_pixels;
    depends.shape |= entry.from_shape;
    depends.size |= entry.from_size && !entry.id;
    depends.network |= entry.id.has_value();
  };
  for (const auto& argument : arguments) visit_items(argument, look);
  return depends;
}

Item Recorder::call_by_name(const std::string& name, const std::string& overload,
                            std::vector<Item> arguments) {
  auto op = find_operator(name, overload);
  if (!op) throw Error(ErrorCode::model, "This LibTorch has no operator " + name + "." + overload + ".");
  return call(*op, std::move(arguments));
}

Item Recorder::call(const NativeOperator& op, std::vector<Item> given) {
  check_cancelled();
  const std::string& name = op.schema.name();
  if (!is_allowed_operator(name)) refuse_operator(name, place());
  auto arguments = checked_arguments(op.schema, std::move(given), place());
  if (auto made = through_checked_form(*this, op.schema, arguments)) return made;
  if (writes_elsewhere(op.schema)) {
    throw Error(ErrorCode::model,
                "In " + place() + ", the operator '" + name +
                    "' writes to one of its arguments. Use the form that returns a new tensor.");
  }
  if (name == "aten::_native_multi_head_attention") return expand_attention(*this, arguments);
  // Activations have another memory layout here than in PyTorch, which a view can't always follow.
  if (name == "aten::view" && op.schema.overload_name().empty()) {
    return call_by_name("aten::reshape", "", std::move(arguments));
  }
  evaluate(op.schema, arguments);
  auto depends = dependence_of(arguments);
  // One by one, since some of them may depend on the batch. In every recording alike, whether they do in that
  // one or not.
  const bool may_differ = depends.network || depends.shape;
  if ((name == "aten::size" || name == "aten::sym_size") && arguments.size() == 1 && may_differ) {
    std::vector<Item> sizes;
    for (int64_t i = 0; i < arguments[0]->value.toTensor().dim(); ++i) {
      sizes.push_back(call_by_name("aten::size", "int", {arguments[0], make_item(i)}));
    }
    return make_list(std::move(sizes));
  }
  if (is_in_place(op.schema)) return overwrite(op, arguments, depends);
  return execute(op, arguments, depends);
}

Item Recorder::execute(const NativeOperator& op, std::vector<Item>& arguments, const Dependence& depends) {
  auto stack = run(op, arguments);
  for (const auto& value : stack) check_result(op.schema, value, place());
  if (stack.empty()) return make_item({});
  if (stack.size() == 1) return result(op, arguments, depends, stack[0], std::nullopt);
  std::vector<Item> results;
  for (size_t i = 0; i < stack.size(); ++i) results.push_back(result(op, arguments, depends, stack[i], i));
  return make_list(std::move(results));
}

/// One of an operator's results as a value of the network, or as a constant.
Item Recorder::result(const NativeOperator& op, const std::vector<Item>& arguments, const Dependence& depends,
                      const at::IValue& value, std::optional<size_t> element) {
  bool is_list =
      value.isTensorList() || (value.isList() && (depends.network || depends.shape)) || value.isTuple();
  if (is_list && !element) {
    std::vector<Item> elements;
    size_t count = value.isTuple() ? value.toTupleRef().elements().size() : value.toListRef().size();
    for (size_t i = 0; i < count; ++i) {
      at::IValue part = value.isTuple() ? value.toTupleRef().elements()[i] : at::IValue(value.toListRef()[i]);
      elements.push_back(result(op, arguments, depends, part, i));
    }
    return make_list(std::move(elements));
  }
  Item item = make_item(value);
  const std::string& name = op.schema.name();
  bool reads_shape = asks_for_shape(name) || makes_fresh_tensor(name);
  if (depends.pixels && !reads_shape) {
    item->from_pixels = true;
    if (keeps_values(name, arguments[0]->value, value)) item->id = arguments[0]->id;
  } else if (depends.pixels || depends.shape || depends.network) {
    item->from_shape = true;
    item->from_size = depends.size;
    log_.add(*item, place());
  }
  bool makes_value = item->from_pixels ? value.isTensor() && !item->id : item->id.has_value();
  if (makes_value) record(op, arguments, *item, element);
  memory_.watch(item);
  return item;
}

/// An in-place operator becomes the operator that makes a new tensor; the program's names for the overwritten
/// tensor then mean that one.
Item Recorder::overwrite(const NativeOperator& op, std::vector<Item>& arguments, const Dependence& depends) {
  const Item& target = arguments[0];
  Item made;
  if (!target->value.isTensor()) {
    throw Error(ErrorCode::model, "In " + place() + ", the operator '" + op.schema.name() +
                                      "' changes a list in place, which can't be followed. Make a new list "
                                      "there, or trace the model with torch.jit.trace.");
  }
  if (depends.pixels || depends.network) {
    auto functional = find_functional(functional_name(op.schema.name()), op.schema);
    if (!functional) {
      throw Error(ErrorCode::model,
                  "In " + place() + ", the operator '" + op.schema.name() +
                      "' changes a tensor in place and has no form that doesn't. Use another one.");
    }
    made = execute(*functional, arguments, depends);
    if (made->value.isTensor()) {
      memory_.mark_views_stale(target);
      target->value = made->value;
      target->id = made->id;
      target->from_pixels = made->from_pixels;
      target->from_shape = made->from_shape;
      target->from_size = made->from_size;
      memory_.watch(target);
      return target;
    }
    return made;
  }
  run(op, arguments);
  target->from_shape |= depends.shape;
  target->from_size |= depends.size;
  return target;
}

at::IValue Recorder::decide(const Item& condition, const std::string& what) {
  auto depends = dependence_of({condition});
  if (depends.pixels || depends.network) {
    throw Error(ErrorCode::model,
                "In " + place() + ", " + what + " depends on " +
                    (depends.pixels ? "the pixels of the images" : "how many images there are") +
                    ", which a list of steps can't follow. Trace the model with torch.jit.trace, "
                    "or remove it.");
  }
  tied_to_size_ |= depends.size;
  return condition->value;
}

void Recorder::record(const NativeOperator& op, const std::vector<Item>& arguments, Entry& result,
                      std::optional<size_t> element) {
  tied_to_size_ |= dependence_of(arguments).size;
  std::string name = step_name(op.schema.name());
  if (result.from_pixels && element.value_or(0) == 0) {
    if (auto known = known_operation(op.schema, arguments)) {
      std::vector<ValueId> inputs;
      for (const auto& input : known->inputs) inputs.push_back(*input->id);
      for (auto& operation : known->operations) {
        inputs = {writer_.add(name, std::move(operation), std::move(inputs), false)};
      }
      result.id = inputs[0];
      return;
    }
  }
  bool is_scalar = is_number(result.value) ||
                   (!result.from_pixels && result.value.isTensor() && result.value.toTensor().dim() == 0);
  std::vector<ValueId> inputs;
  Operator step{op.schema.name(), op.run, operator_arguments(op.schema, arguments, inputs), element,
                is_scalar};
  result.id = writer_.add(name, std::move(step), std::move(inputs), is_scalar || !result.from_pixels);
}

Network Recorder::finish(const Item& output) {
  Item logits = first_tensor(output);
  if (!logits || !logits->from_pixels || !logits->id) {
    throw Error(ErrorCode::model, "The model returns no tensor that it computes from its images.");
  }
  return writer_.finish(*logits->id);
}

}  // namespace iba::imported
