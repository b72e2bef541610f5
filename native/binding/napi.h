#pragma once

// The one place that includes Node-API, with all its settings.
#define NAPI_VERSION 8
// LibTorch throws std::exception types: without this they would end the process.
#define NODE_ADDON_API_CPP_EXCEPTIONS_ALL
// A worker thread that is terminated while a promise is pending must not abort the process.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>
