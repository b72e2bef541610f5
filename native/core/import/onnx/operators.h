#pragma once

#include <map>
#include <string>
#include <vector>

#include "import/onnx/call.h"

namespace iba::imported::onnx {

/// Computes a node's outputs by LibTorch's operators. Those that nobody can read may be left out at the end.
using OperatorFunction = std::vector<Item> (*)(Call& call);

/// By the operator's name, which has its domain in front where that isn't ONNX's own: "Conv",
/// "com.microsoft.BiasGelu".
using OperatorTable = std::map<std::string, OperatorFunction>;

const OperatorTable& operator_table();

void add_activations(OperatorTable& table);
void add_arithmetic(OperatorTable& table);
void add_attention(OperatorTable& table);
void add_convolutions(OperatorTable& table);
void add_indexing(OperatorTable& table);
void add_microsoft(OperatorTable& table);
void add_norms(OperatorTable& table);
void add_pools(OperatorTable& table);
void add_products(OperatorTable& table);
void add_quantisation(OperatorTable& table);
void add_reductions(OperatorTable& table);
void add_resizing(OperatorTable& table);
void add_shapes(OperatorTable& table);
void add_tensors(OperatorTable& table);

}  // namespace iba::imported::onnx
