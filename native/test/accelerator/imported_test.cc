#include <doctest/doctest.h>

#include "attribution/passes.h"
#include "attribution/registry.h"
#include "import/import.h"
#include "import/program_text.h"
#include "network/interpreter.h"
#include "support/accelerator.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

Tensor images(int64_t count) {
  return normal("images", {count, 3, 8, 8}).to(at::kFloat);
}

/// The number of images, "n".
const std::string kCount =
    R"({"target":"torch.ops.aten.sym_size.int","inputs":[{"name":"self","kind":1,"arg":)" + tensor("x") +
    R"(},{"name":"dim","kind":1,"arg":)" + integer_argument(0) +
    R"(}],"outputs":[{"as_sym_int":{"as_name":"n"}}]})";

const std::string kCpu = R"({"as_device":{"type":"cpu","index":null}})";

/// A network of operators, some of which make tensors for so many images, on the device of the file or on
/// none that is named.
Network recorded() {
  const std::string size = R"({"as_sym_ints":[{"as_name":"n"},{"as_int":3},{"as_int":1},{"as_int":1}]})";
  const std::string count = R"({"as_sym_int":{"as_name":"n"}})";
  auto binary = [](const std::string& name, const std::string& a, const std::string& b,
                   const std::string& result) {
    return node("aten." + name + ".Tensor", {{"self", tensor(a)}, {"other", tensor(b)}}, result);
  };
  auto nodes = {
      kCount,
      node("aten.ones.default", {{"size", size}, {"device", kCpu}}, "mask"),
      node("aten.full.default", {{"size", size}, {"fill_value", real_argument(0.5)}}, "half"),
      node("aten.arange.default", {{"end", count}}, "places"),
      node("aten.ones.default", {{"size", integers_argument("[4,3,3,3]")}}, "weight"),
      binary("mul", "x", "mask", "masked"),
      binary("add", "masked", "half", "shifted"),
      node("aten.conv2d.default", {{"input", tensor("shifted")}, {"weight", tensor("weight")}}, "convolved"),
      node("aten.gelu.default", {{"self", tensor("convolved")}}, "rectified"),
      node("aten.mean.dim", {{"self", tensor("rectified")}, {"dim", integers_argument("[2,3]")}}, "pooled"),
      node("aten.unsqueeze.default", {{"self", tensor("places")}, {"dim", integer_argument(1)}}, "column"),
      binary("add", "pooled", "column", "y"),
  };
  // What three images give otherwise than two is known to depend on how many there are.
  imported::Recorder more(images(3), {});
  program(nodes).run(more);
  imported::Recorder recorder(images(2), {&more.log(), nullptr});
  auto output = program(nodes).run(recorder);
  Network network = recorder.finish(output);
  network.architecture = "recorded";
  return network;
}

std::vector<Attribution> explain(const std::string& method, const Network& network, double rows) {
  PreparedMethod prepared(find_method(method), network, "seeded", {{"rows", rows}}, {});
  auto size = *network.image_size;
  Tensor three = normal("three", {3, 3, size[0], size[1]}).to(at::kFloat);
  Cancellation cancellation;
  return prepared.attribute(three.to(network.device()), {{Target::of_class(0)}, {Target::of_class(1)}, {}},
                            cancellation, {});
}

}  // namespace

TEST_CASE("attention is followed on an accelerator as on the CPU, in as many runs as it takes") {
  for (const auto& [file, size] : {std::pair{"class-token.pt", 64}, std::pair{"pooled.pt", 32}}) {
    Network cpu = import_network(std::string(FIXTURES) + "/transformers/" + file, {size, size});
    Network device = cpu;
    device.to(accelerator());
    for (const char* method : {"attention-rollout", "generic-attention"}) {
      CAPTURE(file);
      CAPTURE(method);
      auto expected = explain(method, cpu, 3), apart = explain(method, cpu, 1),
           found = explain(method, device, 2);
      for (size_t i = 0; i < expected.size(); ++i) {
        CHECK(expected[i].map.std().item<double>() > 0);
        CHECK(relative_error(found[i].map, expected[i].map) < 1e-4);
        CHECK(relative_error(apart[i].map, expected[i].map) < 1e-4);
      }
    }
  }
}

TEST_CASE("a network from a file makes its tensors on the device that it runs on") {
  Tensor on_cpu = images(5), on_device = on_cpu.to(accelerator());
  std::vector<Target> targets;
  for (int64_t index : {0, 1, 2, 3, 0}) targets.push_back(Target::of_class(index));
  Network cpu = recorded(), device = recorded();
  device.to(accelerator());
  CHECK(relative_error(logits(device, on_device).cpu(), logits(cpu, on_cpu)) < 1e-5);
  Tensor found = BackwardPass(device, device.input).run(on_device, targets);
  CHECK(relative_error(found.cpu(), BackwardPass(cpu, cpu.input).run(on_cpu, targets)) < 1e-5);
}

}  // namespace iba::test
