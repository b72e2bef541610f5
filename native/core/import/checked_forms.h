#pragma once

#include "import/recorder.h"

namespace iba::imported {

/// Records an operator that trusts its caller with the shapes of its arguments, such as
/// `aten::native_batch_norm`, as the one that checks them and means the same. Null where it is no such
/// operator. Throws MODEL where its arguments contradict each other.
Item through_checked_form(Recorder& recorder, const c10::FunctionSchema& schema,
                          const std::vector<Item>& arguments);

}  // namespace iba::imported
