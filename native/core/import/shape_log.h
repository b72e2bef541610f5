#pragma once

#include <string>
#include <vector>

#include "import/item.h"

namespace iba::imported {

/// The numbers that a program computes from the shape of its images, in order, compared with those of other
/// recordings. Numbers that differ there are computed anew for every batch, or tie the network to images of
/// one size. Without other recordings, every number counts as constant.
class ShapeLog {
 public:
  ShapeLog() = default;
  /// `larger_images` is null where the model takes images of one size only.
  ShapeLog(const ShapeLog* more_images, const ShapeLog* larger_images)
      : more_images_(more_images), larger_images_(larger_images) {}

  /// Adds a number that the program computes in the module `where`, and marks what it depends on. `id` is
  /// then present, though not yet known, if the number must be computed for every batch.
  void add(Entry& number, const std::string& where);

 private:
  /// Whether the number at this place is the same there.
  bool is_same_at(size_t place, const at::IValue& value) const;

  std::vector<at::IValue> values_;
  const ShapeLog* more_images_ = nullptr;
  const ShapeLog* larger_images_ = nullptr;
};

}  // namespace iba::imported
