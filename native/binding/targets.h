#pragma once

#include "fields.h"
#include "target/target.h"

namespace iba {

constexpr std::array<std::string_view, 9> enum_names(Target::Kind) {
  return {"class", "label", "contrast", "labels", "prediction", "value", "away", "similarity", "weighting"};
}

void fields(Of<Target> auto& target, auto&& field) {
  field("kind", target.kind);
  field("index", target.index, {-1});
  field("others", target.others);
  field("weights", target.weights);
  field("value", target.value);
}

}  // namespace iba
