#include "import/token_input.h"

namespace iba::imported {

Item program_input(Recorder& recorder) {
  Item images = recorder.images();
  if (images->value.toTensor().is_floating_point()) return images;
  return recorder.call_by_name("aten::flatten", "using_ints",
                               {images, make_item(int64_t{1}), make_item(int64_t{-1})});
}

}  // namespace iba::imported
