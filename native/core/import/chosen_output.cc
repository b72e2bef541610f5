#include "import/chosen_output.h"

#include <algorithm>

#include "io/text.h"

namespace iba::imported {

namespace {

struct Output {
  std::string name;
  Item item;
};

using Outputs = std::vector<Output>;

void collect(const Item& item, const std::string& name, Outputs& outputs, Walk& walk) {
  if (!item) return;
  bool is_inside = item->elements || item->value.isTuple() || item->value.isList();
  if (!is_inside) {
    bool is_known =
        std::any_of(outputs.begin(), outputs.end(), [&](const auto& o) { return o.item == item; });
    if (item->value.isTensor() && !is_known) outputs.push_back({name, item});
    return;
  }
  walk.enter();
  const auto& elements = elements_of(item);
  for (size_t i = 0; i < elements.size(); ++i) {
    std::string own = i < item->keys.size() ? item->keys[i] : std::to_string(i);
    collect(elements[i], name.empty() ? own : name + "." + own, outputs, walk);
  }
  walk.leave();
}

bool is_of_classes(const Item& item, int64_t images) {
  const at::Tensor& tensor = item->value.toTensor();
  return item->from_pixels && tensor.dim() == 2 && tensor.size(0) == images && tensor.is_floating_point();
}

Outputs outputs_that(bool (*condition)(const Item&, int64_t), const Outputs& outputs, int64_t images) {
  Outputs found;
  std::copy_if(outputs.begin(), outputs.end(), std::back_inserter(found),
               [&](const Output& output) { return condition(output.item, images); });
  return found;
}

std::string in_words(const Outputs& outputs) {
  std::vector<std::string> parts;
  for (const auto& [name, item] : outputs) {
    parts.push_back("'" + name + "' of the shape " + io::shape_text(item->value.toTensor().sizes()));
  }
  return io::joined_some(parts);
}

Item named_output(const Outputs& outputs, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& output : outputs) {
    if (output.name == name) return output.item;
    names.push_back(output.name);
  }
  if (names.size() == 1 && names[0].empty()) {
    throw OutputError("The model has a single output without a name, but output is '" + name +
                      "'. Leave it out.");
  }
  throw OutputError("The model has no output '" + name +
                    "'. The nearest names are: " + io::nearest(name, names) + ".");
}

}  // namespace

bool is_of_classes_at_one_place(const Item& item, int64_t images) {
  if (!item || !item->value.isTensor()) return false;
  const at::Tensor& tensor = item->value.toTensor();
  bool is_known = item->from_pixels && item->id && tensor.is_floating_point();
  return is_known && tensor.dim() == 4 && tensor.size(0) == images && tensor.size(2) == 1 &&
         tensor.size(3) == 1;
}

ChosenOutput choose_output(const Item& returned, int64_t images, const std::optional<std::string>& name) {
  Outputs outputs;
  Walk walk;
  collect(returned, "", outputs, walk);
  if (name) return {named_output(outputs, *name), {}};
  Outputs candidates = outputs_that(is_of_classes, outputs, images);
  if (candidates.empty()) candidates = outputs_that(is_of_classes_at_one_place, outputs, images);
  if (candidates.size() > 1) {
    throw OutputError("Several outputs of the model could be its classes: for " + std::to_string(images) +
                      " images there are " + in_words(candidates) +
                      ". Name the one to explain, by the option output.");
  }
  if (candidates.empty()) {
    if (outputs.size() < 2) return {outputs.empty() ? make_item({}) : outputs[0].item, {}};
    throw OutputError("None of the model's outputs is (images, classes): for " + std::to_string(images) +
                      " images there are " + in_words(outputs) +
                      ". Only classifiers can be explained; export the part that classifies.");
  }
  if (outputs.size() == 1) return {candidates[0].item, {}};
  std::erase_if(outputs, [&](const Output& output) { return output.item == candidates[0].item; });
  return {candidates[0].item,
          "Explained is the model's output '" + candidates[0].name +
              "', the only one with a row of numbers for each image. Beside it there is " +
              in_words(outputs) + "."};
}

}  // namespace iba::imported
