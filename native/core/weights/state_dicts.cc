#include "weights/state_dicts.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_set>

#include "io/malformed.h"

namespace iba {

namespace {

using io::Malformed;
using pickle::Kind;
using pickle::Value;

constexpr size_t kMostObjects = 64;

/// The keys under which training scripts put a network's state dict. A checkpoint may hold a tensor or two of
/// its own beside it, so the top comes after them.
constexpr std::array<std::string_view, 7> kUsualKeys{"state_dict", "model_state_dict", "model",  "net",
                                                     "network",    "params",           "weights"};

StateDict tensors_of(const Value& dict, const std::string& place) {
  StateDict found{place, {}, {}};
  std::set<std::string> names;
  for (size_t i = 0; i < dict.size(); ++i) {
    const auto [key, value] = dict.entry(i);
    if (!key.is(Kind::kString)) continue;
    if (value.is(Kind::kObject) && found.objects.size() < kMostObjects) {
      found.objects.emplace_back(key.string(), value.name());
    }
    if (!value.is(Kind::kTensor)) continue;
    if (!names.insert(key.string()).second) {
      throw Malformed("the tensor '" + key.string() + "' is there twice");
    }
    found.tensors.emplace_back(key.string(), value.tensor());
  }
  return found;
}

/// Every dict once, though a file may refer to it from many places.
class Search {
 public:
  void look_into(const Value& dict, const std::string& place) {
    if (!seen_.insert(dict.identity()).second) return;
    StateDict found = tensors_of(dict, place);
    if (!found.tensors.empty()) found_.push_back(std::move(found));
    for (size_t i = 0; i < dict.size(); ++i) {
      const auto [key, value] = dict.entry(i);
      if (!key.is(Kind::kString) || !value.is(Kind::kDict)) continue;
      look_into(value, place.empty() ? key.string() : place + "." + key.string());
    }
  }

  std::vector<StateDict> found() && { return std::move(found_); }

 private:
  std::unordered_set<const void*> seen_;
  std::vector<StateDict> found_;
};

size_t rank(const StateDict& dict) {
  const std::string key = dict.place.substr(dict.place.rfind('.') + 1);
  const bool is_average = dict.place.find("ema") != std::string::npos;
  const auto usual = std::find(kUsualKeys.begin(), kUsualKeys.end(), key);
  if (is_average) return kUsualKeys.size() + 2;
  if (usual == kUsualKeys.end()) return kUsualKeys.size() + (dict.place.empty() ? 0 : 1);
  return static_cast<size_t>(usual - kUsualKeys.begin());
}

}  // namespace

std::vector<StateDict> find_state_dicts(const Value& top) {
  if (top.is(Kind::kObject)) {
    throw Malformed("it holds an object of the class " + top.name() +
                    ", which reading it would have to execute; save the model's state_dict() instead");
  }
  if (!top.is(Kind::kDict)) throw Malformed("its content is not a dict; expected a dict of tensors");
  Search search;
  search.look_into(top, "");
  std::vector<StateDict> found = std::move(search).found();
  if (found.empty()) {
    throw Malformed(
        "it holds no dict of tensors; expected a model's state_dict(), at the top or under a key "
        "such as 'state_dict' or 'model'");
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return found;
}

}  // namespace iba
