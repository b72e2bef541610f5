#pragma once

#include <mutex>

#include "bottleneck/readout.h"
#include "bottleneck/statistics.h"
#include "handle.h"
#include "network/network.h"
#include "runtime/cancellation.h"
#include "runtime/request.h"
#include "training/process_group.h"

namespace iba::binding {

/// A network with its weights on a device.
struct Model {
  Network network;
  std::string fingerprint;
  at::Device device = at::kCPU;
};

template <>
struct HandleType<Model> {
  static constexpr const char* name = "model";
  static constexpr napi_type_tag tag = {0x8f0d2b1c6a7e4d31, 0x9b5e0c47d2f81a60};
};

template <>
struct HandleType<ModelStatistics> {
  static constexpr const char* name = "statistics";
  static constexpr napi_type_tag tag = {0x41c7a95e08d34f6b, 0xa2f61d7b93ce5084};
};

template <>
struct HandleType<Cancellation> {
  static constexpr const char* name = "cancellation";
  static constexpr napi_type_tag tag = {0xd3580e6fb1a94c27, 0x86c09ae5f47d132b};
};

template <>
struct HandleType<Readout> {
  static constexpr const char* name = "readout";
  static constexpr napi_type_tag tag = {0x6e1f84d90b3a57c2, 0xb7250d9c48ea1f36};
};

template <>
struct HandleType<ProcessGroup> {
  static constexpr const char* name = "process group";
  static constexpr napi_type_tag tag = {0xc8a3507e1d92f46b, 0x13f6bd84a0e7592c};
};

/// Throws INVALID_ARGUMENT where the model takes images of another size only.
void require_image_size(const Model& model, int64_t height, int64_t width);

/// A copy of a Float32Array as the images (N, C, H, W) that the model takes.
at::Tensor images_argument(const Napi::Value& data, const Napi::Value& shape, const Model& model);

/// One request for each of so many images.
std::vector<Request> requests_argument(const Napi::Value& value, int64_t images, const Model& model);

}  // namespace iba::binding
