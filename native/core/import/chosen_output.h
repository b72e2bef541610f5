#pragma once

#include <optional>
#include <string>

#include "error.h"
#include "import/item.h"

namespace iba::imported {

/// The output to explain isn't known: none has the name, several could be meant, or none is of classes.
class OutputError : public Error {
 public:
  explicit OutputError(const std::string& message) : Error(ErrorCode::model, message) {}
};

/// The output of a model that is explained.
struct ChosenOutput {
  Item item;
  /// What there is beside it, in a sentence.
  std::optional<std::string> note;
};

/// Whether it is (images, classes, 1, 1), as networks give that end with a convolution and a pool over all
/// places.
bool is_of_classes_at_one_place(const Item& item, int64_t images);

/// Of what a program returned for so many images: the output of this name, or else the only one with a row of
/// real numbers for each image. In dicts an output has its key as its name, in lists its place, counted from
/// 0, and inside of others both names, with a dot between. Throws OutputError.
ChosenOutput choose_output(const Item& returned, int64_t images, const std::optional<std::string>& name);

}  // namespace iba::imported
