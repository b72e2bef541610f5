#include "attribution/resources.h"

#include "error.h"

namespace iba {

namespace {

/// What a resource says about the network that it was made with; a file of the paper's authors leaves the
/// hash empty.
struct Origin {
  std::string architecture;
  std::string weight_hash;
};

template <typename T>
Origin origin_of(const std::shared_ptr<const T>& resource, const std::string& name) {
  if (resource) return {resource->architecture, resource->weight_hash};
  throw Error(ErrorCode::invalid_argument, "The method needs " + name + ", but none were given.");
}

void check(const Origin& origin, ErrorCode code, const std::string& name, const std::string& architecture,
           const std::string& weight_hash) {
  bool same_weights = origin.weight_hash.empty() || origin.weight_hash == weight_hash;
  if (origin.architecture == architecture && same_weights) return;
  throw Error(code, "The " + name + " were made with " + origin.architecture + " (weights " +
                        origin.weight_hash + "), not with this " + architecture + " (weights " + weight_hash +
                        "). Make them again with this model.");
}

}  // namespace

void check_resources(const std::vector<Resource>& needed, const Resources& given,
                     const std::string& architecture, const std::string& weight_hash) {
  for (Resource resource : needed) {
    std::string name(kResourceNames[static_cast<size_t>(resource)]);
    switch (resource) {
      case Resource::statistics:
        check(origin_of(given.statistics, name), ErrorCode::statistics, name, architecture, weight_hash);
        break;
      case Resource::patterns:
        check(origin_of(given.patterns, name), ErrorCode::patterns, name, architecture, weight_hash);
        break;
      case Resource::readout:
        check(origin_of(given.readout, name), ErrorCode::weights, "weights of the readout", architecture,
              weight_hash);
        break;
    }
  }
}

}  // namespace iba
