#include "import/onnx/operators.h"

namespace iba::imported::onnx {

const OperatorTable& operator_table() {
  static const OperatorTable kTable = [] {
    OperatorTable table;
    for (auto add : {add_activations, add_arithmetic, add_attention, add_convolutions, add_indexing,
                     add_microsoft, add_norms, add_pools, add_products, add_quantisation, add_reductions,
                     add_resizing, add_shapes, add_tensors}) {
      add(table);
    }
    return table;
  }();
  return kTable;
}

}  // namespace iba::imported::onnx
