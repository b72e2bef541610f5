#pragma once

#include "attribution/method.h"

namespace iba {

/// Maps that know nothing of the image, which every method has to be better than: the numbers from -1 to 1 in
/// a random order, and nothing but zeros.
MethodEntry random_method();
MethodEntry zero_method();

}  // namespace iba
