#include "import/recorder.h"

#include <algorithm>
#include <set>

#include <torch/csrc/autograd/grad_mode.h>

#include "error.h"
#include "import/known_operations.h"

namespace iba::imported {

namespace {

/// What tells of a tensor something that its pixels don't decide.
bool asks_for_shape(const std::string& name) {
  static const std::set<std::string> kNames = {
      "aten::size",       "aten::sym_size",  "aten::dim",          "aten::numel",
      "aten::sym_numel",  "aten::len",       "aten::stride",       "aten::is_floating_point",
      "aten::is_complex", "prim::dtype",     "prim::device",       "prim::layout",
      "prim::is_cuda",    "prim::is_nested", "prim::is_cpu",       "prim::is_quantized",
      "prim::is_sparse",  "prim::type",      "aten::is_contiguous"};
  return kNames.contains(name);
}

/// What reads of a tensor no more than shape and type.
bool makes_fresh_tensor(const std::string& name) {
  static const std::set<std::string> kNames = {"aten::new_zeros",  "aten::new_ones",   "aten::new_full",
                                               "aten::new_empty",  "aten::zeros_like", "aten::ones_like",
                                               "aten::empty_like", "aten::full_like"};
  return kNames.contains(name);
}

/// What gives the same values again, perhaps in memory of its own.
bool keeps_values(const std::string& name, const at::IValue& before, const at::IValue& after) {
  static const std::set<std::string> kNames = {"aten::contiguous", "aten::clone", "aten::alias",
                                               "aten::lift_fresh", "aten::to",    "aten::lift_fresh_copy",
                                               "aten::_to_copy"};
  return kNames.contains(name) && before.isTensor() && after.isTensor() &&
         before.toTensor().scalar_type() == after.toTensor().scalar_type() &&
         before.toTensor().sizes() == after.toTensor().sizes();
}

bool is_in_place(const c10::FunctionSchema& schema) {
  if (schema.arguments().empty()) return false;
  const auto* alias = schema.arguments()[0].alias_info();
  return alias && alias->isWrite();
}

bool writes_elsewhere(const c10::FunctionSchema& schema) {
  for (size_t i = 1; i < schema.arguments().size(); ++i) {
    const auto* alias = schema.arguments()[i].alias_info();
    if (alias && alias->isWrite()) return true;
  }
  return false;
}

/// "aten::add_" is the in-place form of "aten::add".
std::string functional_name(const std::string& name) {
  return name.ends_with("_") && !name.ends_with("__") ? name.substr(0, name.size() - 1) : name;
}

/// "add" for "aten::add_", "conv2d" for "aten::_convolution".
std::string step_name(const std::string& operator_name) {
  std::string name = operator_name.substr(operator_name.rfind(':') + 1);
  while (name.size() > 1 && name.front() == '_') name.erase(0, 1);
  while (name.size() > 1 && name.back() == '_') name.pop_back();
  return name;
}

bool is_number(const at::IValue& value) {
  return value.isInt() || value.isDouble() || value.isBool();
}

/// Whether both are the same number or tensor; what is neither, such as a device, counts as the same.
bool is_same(const at::IValue& a, const at::IValue& b) {
  if (a.isTensor() && b.isTensor()) {
    return a.toTensor().sizes() == b.toTensor().sizes() && at::equal(a.toTensor(), b.toTensor());
  }
  if (a.isInt() && b.isInt()) return a.toInt() == b.toInt();
  if (a.isDouble() && b.isDouble()) return a.toDouble() == b.toDouble();
  if (a.isBool() && b.isBool()) return a.toBool() == b.toBool();
  return a.tagKind() == b.tagKind();
}

bool touches_files(const c10::FunctionSchema& schema) {
  const auto& arguments = schema.arguments();
  return std::any_of(arguments.begin(), arguments.end(),
                     [](const c10::Argument& argument) { return argument.name() == "filename"; });
}

/// Layers compute as in evaluation, whatever the file was made in.
void evaluate(const c10::FunctionSchema& schema, std::vector<Item>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = schema.arguments()[i].name();
    if (name == "train" || name == "training") arguments[i] = make_item(false);
  }
}

}  // namespace

Recorder::Recorder(Tensor images, OtherRecordings others) : images_(make_item(images)), others_(others) {
  images_->id = network_.input;
  images_->from_pixels = true;
  watch_memory(images_);
}

std::string Recorder::place() const {
  return modules_.empty() || modules_.back().path.empty() ? "the model itself"
                                                          : "module '" + modules_.back().path + "'";
}

Recorder::Dependence Recorder::dependence_of(const std::vector<Item>& arguments) const {
  Dependence depends;
  auto look = [&](const Entry& entry) {
    if (entry.stale) {
      throw Error("MODEL", "In " + place() + ", a tensor is read after a view of it was written to, which " +
                               "can't be told apart. Change the model so that it makes a new tensor there.");
    }
    if (entry.from_pixels && !entry.id) {
      throw Error("MODEL",
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
  if (!op) throw Error("MODEL", "This LibTorch has no operator " + name + "." + overload + ".");
  while (arguments.size() < op->schema.arguments().size()) {
    const auto& argument = op->schema.arguments()[arguments.size()];
    arguments.push_back(make_item(argument.default_value().value_or(at::IValue())));
  }
  return call(*op, std::move(arguments));
}

Item Recorder::call(const NativeOperator& op, std::vector<Item> arguments) {
  const std::string& name = op.schema.name();
  if (touches_files(op.schema)) {
    throw Error("MODEL",
                "In " + place() + ", the operator '" + name +
                    "' reads or writes a file, which a model must not do here. Don't use this file unless "
                    "you know why it does.");
  }
  if (writes_elsewhere(op.schema)) {
    throw Error("MODEL", "In " + place() + ", the operator '" + name +
                             "' writes to one of its arguments. Use the form that returns a new tensor.");
  }
  if (name == "aten::_native_multi_head_attention") return attention(arguments);
  // Activations have another memory layout here than in PyTorch, which a view can't always follow.
  if (name == "aten::view" && op.schema.overload_name().empty()) {
    return call_by_name("aten::reshape", "", std::move(arguments));
  }
  evaluate(op.schema, arguments);
  auto depends = dependence_of(arguments);
  if ((name == "aten::size" || name == "aten::sym_size") && arguments.size() == 1 && depends.network) {
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
  at::NoGradGuard no_grad;
  torch::jit::Stack stack;
  for (size_t i = 0; i < arguments.size(); ++i) {
    stack.push_back(value_of(arguments[i], op.schema.arguments()[i].type()));
  }
  op.run(stack);
  if (stack.empty()) return make_item({});
  if (stack.size() == 1) return result(op, arguments, depends, stack[0], std::nullopt);
  std::vector<Item> results;
  for (size_t i = 0; i < stack.size(); ++i) results.push_back(result(op, arguments, depends, stack[i], i));
  return make_list(std::move(results));
}

/// One of an operator's results as a value of the network, or as a constant.
Item Recorder::result(const NativeOperator& op, const std::vector<Item>& arguments, const Dependence& depends,
                      const at::IValue& value, std::optional<size_t> element) {
  bool is_list = value.isTensorList() || (value.isList() && depends.network) || value.isTuple();
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
  if (depends.pixels && (asks_for_shape(op.schema.name()) || makes_fresh_tensor(op.schema.name()))) {
    item->from_shape = true;
    item->from_size = depends.size;
    classify_number(*item);
  } else if (depends.pixels) {
    item->from_pixels = true;
    if (value.isTensor() && keeps_values(op.schema.name(), arguments[0]->value, value)) {
      item->id = arguments[0]->id;
    }
  } else if (depends.shape || depends.network) {
    item->from_shape = true;
    item->from_size = depends.size;
    classify_number(*item);
  }
  bool makes_value = item->from_pixels ? value.isTensor() && !item->id : item->id.has_value();
  if (makes_value) record(op, arguments, *item, element);
  watch_memory(item);
  return item;
}

/// Compares with what the other recordings found at this place. `id` is then present, though not yet known,
/// if the value must be computed for every batch.
void Recorder::classify_number(Entry& result) {
  size_t place = log_.size();
  // Copied, since the program may overwrite it.
  log_.push_back(result.value.isTensor() ? result.value.toTensor().clone() : result.value);
  if (others_.larger_images) {
    const ShapeLog& larger = *others_.larger_images;
    if (place >= larger.size() || !is_same(larger[place], result.value)) result.from_size = true;
  } else if (others_.more_images) {
    result.from_size = true;
  }
  if (!others_.more_images) return;
  const ShapeLog& more = *others_.more_images;
  if (place >= more.size() || more[place].tagKind() != result.value.tagKind()) {
    throw Error("MODEL", "In " + this->place() + ", the model computes something else for 2 images than " +
                             "for 3. Trace it with torch.jit.trace, or remove what depends on the batch.");
  }
  if (!is_same(more[place], result.value)) result.id = network_.input;
}

/// An in-place operator becomes the operator that makes a new tensor; the program's names for the overwritten
/// tensor then mean that one.
Item Recorder::overwrite(const NativeOperator& op, std::vector<Item>& arguments, const Dependence& depends) {
  const Item& target = arguments[0];
  Item made;
  if (depends.pixels || depends.network) {
    auto functional = find_functional(functional_name(op.schema.name()), op.schema);
    if (!functional) {
      throw Error("MODEL", "In " + place() + ", the operator '" + op.schema.name() +
                               "' changes a tensor in place and has no form that doesn't. Use another one.");
    }
    made = execute(*functional, arguments, depends);
    if (target->value.isTensor() && made->value.isTensor()) {
      mark_views_stale(target);
      target->value = made->value;
      target->id = made->id;
      target->from_pixels = made->from_pixels;
      target->from_shape = made->from_shape;
      target->from_size = made->from_size;
      watch_memory(target);
      return target;
    }
    return made;
  }
  at::NoGradGuard no_grad;
  torch::jit::Stack stack;
  for (size_t i = 0; i < arguments.size(); ++i) {
    stack.push_back(value_of(arguments[i], op.schema.arguments()[i].type()));
  }
  op.run(stack);
  target->from_shape |= depends.shape;
  target->from_size |= depends.size;
  return target;
}

void Recorder::watch_memory(const Item& item) {
  if (!item->value.isTensor() || !item->value.toTensor().has_storage()) return;
  memory_.emplace(item->value.toTensor().storage().unsafeGetStorageImpl(), item);
}

void Recorder::mark_views_stale(const Item& overwritten) {
  const Tensor& tensor = overwritten->value.toTensor();
  if (!tensor.has_storage()) return;
  auto [begin, end] = memory_.equal_range(tensor.storage().unsafeGetStorageImpl());
  for (auto found = begin; found != end; ++found) {
    auto other = found->second.lock();
    // An item may have got other memory since, by being overwritten itself.
    if (!other || other == overwritten || !other->value.toTensor().is_alias_of(tensor)) continue;
    other->stale = true;
  }
}

/// The operator that LibTorch uses where no gradient is asked for, as the operators it stands for.
Item Recorder::attention(std::vector<Item>& arguments) {
  const Item& x = arguments[0];
  bool is_plain = x->id && arguments[1]->id == x->id && arguments[2]->id == x->id &&
                  arguments[9]->value.isNone() && x->value.toTensor().dim() == 3;
  if (!is_plain) {
    throw Error("MODEL", "In " + place() + ", attention between different tensors, or with a mask, was " +
                             "recorded in a form that has no gradient. Trace the model with gradients " +
                             "enabled, and with parameters that require them.");
  }
  int64_t heads = arguments[4]->value.toInt();
  int64_t width = arguments[3]->value.toInt() / heads;
  auto number = [](int64_t value) { return make_item(value); };
  auto numbers = [](std::vector<int64_t> values) { return make_item(std::move(values)); };
  Item all = call_by_name("aten::linear", "", {x, arguments[5], arguments[6]});
  all = call_by_name("aten::unflatten", "int", {all, number(-1), numbers({3, heads, width})});
  all = call_by_name("aten::permute", "", {all, numbers({2, 0, 3, 1, 4})});
  std::vector<Item> parts;
  for (int64_t i = 0; i < 3; ++i)
    parts.push_back(call_by_name("aten::select", "int", {all, number(0), number(i)}));
  Item seen = call_by_name("aten::scaled_dot_product_attention", "", parts);
  seen = call_by_name("aten::transpose", "int", {seen, number(1), number(2)});
  seen = call_by_name("aten::flatten", "using_ints", {seen, number(2), number(-1)});
  seen = call_by_name("aten::linear", "", {seen, arguments[7], arguments[8]});
  return make_list({seen, make_item(Tensor())});
}

at::IValue Recorder::decide(const Item& condition, const std::string& what) {
  auto depends = dependence_of({condition});
  if (depends.pixels || depends.network) {
    throw Error("MODEL", "In " + place() + ", " + what + " depends on " +
                             (depends.pixels ? "the pixels of the images" : "how many images there are") +
                             ", which a list of steps can't follow. Trace the model with torch.jit.trace, "
                             "or remove it.");
  }
  tied_to_size_ |= depends.size;
  return condition->value;
}

void Recorder::enter_module(const std::string& path, const std::string& type) {
  if (!modules_.empty()) modules_.back().has_inner = true;
  modules_.push_back({path, type, {}, false});
}

void Recorder::leave_module(const Item& result) {
  ModuleCall module = std::move(modules_.back());
  modules_.pop_back();
  if (module.path.empty()) {
    network_.architecture = module.type;
    return;
  }
  if (module.own_steps.size() == 1 && !module.has_inner) {
    network_.steps[module.own_steps[0]].module = module.path;
    return;
  }
  Item tensor = first_tensor(result);
  if (!tensor || !tensor->from_pixels || !tensor->id || *tensor->id == network_.input) return;
  groups_.push_back({network_.steps.size(), {module.path, module.type, *tensor->id}});
}

ValueId Recorder::add_step(const std::string& name, Operation operation, std::vector<ValueId> inputs,
                           bool is_number) {
  std::string path = modules_.empty() ? "" : modules_.back().path;
  std::string module = path.empty() ? name : path + "." + name;
  ValueId output = network_.value_count++;
  if (!modules_.empty() && !is_number) modules_.back().own_steps.push_back(network_.steps.size());
  network_.steps.push_back({module, 0, std::move(operation), std::move(inputs), output});
  return output;
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
        inputs = {add_step(step_name(op.schema.name()), std::move(operation), std::move(inputs), false)};
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
  result.id = add_step(name, std::move(step), std::move(inputs), is_scalar || !result.from_pixels);
}

std::vector<bool> Recorder::values_needed(ValueId output) const {
  std::vector<bool> needed(network_.value_count, false);
  needed[output] = true;
  for (auto step = network_.steps.rbegin(); step != network_.steps.rend(); ++step) {
    if (!needed[step->output]) continue;
    for (ValueId input : step->inputs) needed[input] = true;
  }
  return needed;
}

void Recorder::number_calls() {
  std::map<std::string, size_t> calls;
  for (auto& step : network_.steps) step.call = ++calls[step.module];
  for (auto& step : network_.steps) {
    if (calls[step.module] == 1) step.call = 0;
  }
  std::map<std::string, size_t> group_calls, seen;
  for (const auto& group : groups_) ++group_calls[group.layer.name];
  for (auto& group : groups_) {
    std::string& name = group.layer.name;
    if (group_calls[name] > 1 || calls[name] > 0) name += "#" + std::to_string(++seen[name] + calls[name]);
  }
}

/// Steps and groups in execution order.
void Recorder::collect_layers(const std::vector<bool>& needed) {
  auto group = groups_.begin();
  auto add_groups = [&](size_t steps) {
    for (; group != groups_.end() && group->after_steps <= steps; ++group) {
      if (needed[group->layer.value]) network_.layers.push_back(group->layer);
    }
  };
  for (size_t i = 0; i < network_.steps.size(); ++i) {
    const Step& step = network_.steps[i];
    if (needed[step.output]) network_.layers.push_back({step.name(), kind(step.operation), step.output});
    add_groups(i + 1);
  }
}

Network Recorder::finish(const Item& output) {
  Item logits = first_tensor(output);
  if (!logits || !logits->from_pixels || !logits->id) {
    throw Error("MODEL", "The model returns no tensor that it computes from its images.");
  }
  network_.output = *logits->id;
  auto needed = values_needed(network_.output);
  number_calls();
  collect_layers(needed);
  std::erase_if(network_.steps, [&](const Step& step) { return !needed[step.output]; });
  return std::move(network_);
}

}  // namespace iba::imported
