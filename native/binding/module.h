#pragma once

#include "napi.h"

namespace iba::binding {

/// Each adds the functions of one subject to the module's exports.
void export_runtime(Napi::Object exports);
void export_images(Napi::Object exports);
void export_weights(Napi::Object exports);
void export_model(Napi::Object exports);
void export_statistics(Napi::Object exports);
void export_attribution(Napi::Object exports);
void export_patterns(Napi::Object exports);
void export_evaluation(Napi::Object exports);
void export_maps(Napi::Object exports);
void export_randomisation(Napi::Object exports);
void export_readout(Napi::Object exports);
void export_readout_training(Napi::Object exports);
void export_processes(Napi::Object exports);

}  // namespace iba::binding
