#include "evaluation/watched.h"

namespace iba {

Watched::Watched(const Target& target, const Network& network, const Tensor& clean)
    : target_(settled(target, network.outputs, clean)), objective_({target_}, clean.size(0), at::kCPU) {}

}  // namespace iba
