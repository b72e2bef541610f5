#pragma once

#include "import/recorder.h"

namespace iba::imported {

/// How many token ids are tried where a file doesn't say it: a text as long as those of CLIP.
inline constexpr int64_t kUsualTokens = 77;

/// What the program itself is given of the recorder's images. Token ids come as pictures of one row
/// (N, 1, 1, T), as all that a network explains, and programs take them as (N, T).
Item program_input(Recorder& recorder);

}  // namespace iba::imported
