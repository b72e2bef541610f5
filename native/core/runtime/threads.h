#pragma once

namespace iba {

/// Lets the calling thread compute on that many threads, itself included: LibTorch's loops, and those of the
/// libraries that it calls. Other threads keep their number.
void compute_on_threads(int threads);

}  // namespace iba
