#include "import/module_stack.h"

#include <algorithm>

namespace iba::imported {

void ModuleStack::enter(const std::vector<ModuleFrame>& frames) {
  auto [begun, running] = std::mismatch(frames.begin(), frames.end(), frames_.begin(), frames_.end());
  for (auto left = frames_.end() - running; left > 0; --left) {
    recorder_.leave_module(made_.back());
    frames_.pop_back();
    made_.pop_back();
  }
  for (; begun != frames.end(); ++begun) {
    frames_.push_back(*begun);
    made_.push_back(make_item({}));
    recorder_.enter_module(begun->path, begun->type);
  }
}

}  // namespace iba::imported
