#include "import/shape_log.h"

#include "error.h"

namespace iba::imported {

namespace {

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

}  // namespace

bool ShapeLog::is_same_at(size_t place, const at::IValue& value) const {
  return place < values_.size() && is_same(values_[place], value);
}

void ShapeLog::add(Entry& number, const std::string& where) {
  const at::IValue& value = number.value;
  size_t place = values_.size();
  // Copied, since the program may overwrite it.
  values_.push_back(value.isTensor() ? value.toTensor().clone() : value);
  if (!more_images_) return;
  if (!larger_images_ || !larger_images_->is_same_at(place, value)) number.from_size = true;
  const auto& more = more_images_->values_;
  if (place >= more.size() || more[place].tagKind() != value.tagKind()) {
    throw Error(ErrorCode::model,
                "In " + where + ", the model computes something else for 2 images than for 3. Save it with " +
                    "torch.export.save instead, or trace it with torch.jit.trace if it was scripted; or "
                    "remove what depends on the batch.");
  }
  if (!is_same(more[place], value)) number.id = ValueId{0};
}

}  // namespace iba::imported
