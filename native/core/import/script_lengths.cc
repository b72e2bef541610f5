#include "import/script_lengths.h"

#include <algorithm>
#include <unordered_set>

#include "import/token_input.h"
#include "torch.h"

namespace iba::imported {

namespace {

/// Each length takes a pass.
constexpr size_t kMostLengths = 12;
constexpr int64_t kLongest = 4096;

/// All parameters and buffers, from the outermost module inwards.
std::vector<Tensor> tensors_of(const at::IValue& model) {
  std::vector<Tensor> tensors;
  std::vector<at::IValue> objects = {model};
  std::unordered_set<const void*> seen;
  for (size_t i = 0; i < objects.size(); ++i) {
    const auto object = objects[i].toObject();
    if (!seen.insert(object.get()).second) continue;
    for (const at::IValue& value : object->slots()) {
      if (value.isTensor() && value.toTensor().defined()) tensors.push_back(value.toTensor());
      if (value.isObject()) objects.push_back(value);
    }
  }
  return tensors;
}

}  // namespace

std::vector<int64_t> possible_lengths(const at::IValue& model, const std::vector<at::IValue>& constants) {
  std::vector<int64_t> lengths = {kUsualTokens};
  auto add = [&](int64_t length) {
    bool is_new = std::find(lengths.begin(), lengths.end(), length) == lengths.end();
    if (is_new && length > 1 && length <= kLongest && lengths.size() < kMostLengths)
      lengths.push_back(length);
  };
  for (const Tensor& tensor : tensors_of(model)) {
    const bool has_one_row = tensor.dim() >= 2 && tensor.size(0) == 1;
    if (tensor.dim() == 2 || has_one_row) add(tensor.size(has_one_row ? 1 : 0));
  }
  for (const at::IValue& constant : constants) {
    for (int64_t extent : constant.toTensor().sizes()) add(extent);
  }
  return lengths;
}

}  // namespace iba::imported
