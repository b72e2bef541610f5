#include <doctest/doctest.h>

#include "support/errors.h"
#include "support/files.h"
#include "support/formats.h"
#include "weights/fit_weights.h"
#include "weights/weight_file.h"

using namespace std::string_literals;

namespace iba::test {

namespace {

using Names = std::vector<std::string>;

std::vector<StateDict> dicts_of(const std::string& content) {
  TemporaryFolder folder;
  return read_state_dicts(folder.write("file.weights", content));
}

Names places_of(const std::string& value) {
  Names places;
  for (const auto& dict : dicts_of(zip_of(value))) places.push_back(dict.place);
  return places;
}

Names names_of(const NamedTensors& tensors) {
  Names names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  return names;
}

/// An object of a class, as protocol 2 makes one.
std::string object(const std::string& module, const std::string& name, const std::string& state = "}") {
  return global(module, name) + ")\x81" + state + "b";
}

/// A pickled torch.nn.Module.
std::string module(const std::vector<std::pair<std::string, std::string>>& parameters,
                   const std::vector<std::pair<std::string, std::string>>& modules = {}) {
  return object("authors.own", "Net",
                dict({{"training", "\x89"},
                      {"_parameters", dict(parameters)},
                      {"_buffers", dict({})},
                      {"_modules", dict(modules)}}));
}

/// A state dict of the parameters conv.weight and fc.weight, under a prefix.
std::string state(const std::string& prefix = "", const std::string& more = "") {
  std::vector<std::pair<std::string, std::string>> entries{{prefix + "conv.weight", tensor()},
                                                           {prefix + "fc.weight", tensor()}};
  if (!more.empty()) entries.emplace_back(more, tensor());
  return dict(entries);
}

FittedWeights fit(const std::string& value) {
  return fit_weights(dicts_of(zip_of(value)),
                     {"small", {"conv.weight", "fc.weight"}, {"conv", "relu", "fc"}});
}

const Names kOwnNames{"conv.weight", "fc.weight"};

}  // namespace

TEST_CASE("what Python puts beside a state dict is passed over") {
  const auto set = global("builtins", "set") + tuple({"](" + text("conv1") + "e"}) + "R";
  const auto random_state =
      tuple({text("MT19937"), global("numpy._core.multiarray", "_reconstruct") +
                                  tuple({global("numpy", "ndarray"), "(K\0t"s, "C\1b"s}) + "R" +
                                  tuple({"K\1"s, "(K\1t"s,
                                         global("numpy", "dtype") + tuple({text("u4"), "\x89", "\x88"}) +
                                             "R" + tuple({"K\3"s, text("<"), "N", "N", "N"}) + "b",
                                         "\x89", "C\4abcd"s}) +
                                  "b"});
  for (const auto& beside : {
           object("argparse", "Namespace", dict({{"lr", "K\1"s}})),
           global("pathlib", "PosixPath") + tuple({text("/"), text("x")}) + "R",
           global("datetime", "datetime") + tuple({"C\1x"s}) + "R",
           global("torch", "device") + tuple({text("cuda"), "K\0"s}) + "R",
           global("torch", "float16"),
           global("authors.own", "Colour") + tuple({"K\1"s}) + "R",
           global("collections", "defaultdict") + global("builtins", "list") + "\x85R(" + text("a") + "]u",
           global("collections", "deque") + ")\x81(K\1K\2e"s,
           set,
           "\x8f(K\1\x90"s,
           "(K\1\x91"s,
           random_state,
           global("numpy", "dtype") + tuple({text("M8"), "\x89", "\x88"}) + "R",
           "(iposix\nsystem\n"s,
           "(" + global("authors.own", "Old") + "K\1o"s,
           global("authors.own", "New") + ")}\x92",
           global("copyreg", "_reconstructor") +
               tuple({global("a", "B"), global("builtins", "object"), "N"}) + "R}b",
           "I01\n"s,
           "L123456789012345678901234567890L\n"s,
           global("builtins", "getattr") + tuple({object("a", "B"), text("c")}) + "R" + ")R",
           tensor({.of = storage(4, "1", "ComplexFloatStorage")}),
           object("a", "SelfReferring") + "q\0h\0b"s,
       }) {
    CAPTURE(beside);
    const auto dicts =
        dicts_of(zip_of(dict({{"state_dict", state()}, {"x", beside}, {"y", "](" + beside + "e"}})));
    CHECK(names_of(dicts.front().tensors) == kOwnNames);
  }
}

TEST_CASE("where a state dict lies is found out, the likeliest first") {
  const auto epoch = integer(3);
  CHECK(places_of(state()) == Names{""});
  for (const char* key : {"state_dict", "model_state_dict", "model", "net", "params", "weights", "whatever"})
    CHECK(places_of(dict({{"epoch", epoch}, {key, state()}})) == Names{key});
  CHECK(places_of(dict({{"checkpoint", dict({{"model", dict({{"state_dict", state()}})}})}})) ==
        Names{"checkpoint.model.state_dict"});
  CHECK(places_of(dict({{"model_ema", state()}, {"best", tensor()}, {"model", state()}})) ==
        Names({"model", "", "model_ema"}));
  CHECK(places_of(dict({{"a", state() + "q\0"s}, {"b", "h\0"s}})) == Names{"a"});
}

TEST_CASE("a dict that is of a class of its own is a dict") {
  const auto of_class = global("authors.own", "StateDict") + ")\x81(" + text("conv.weight") + tensor() +
                        text("fc.weight") + tensor() + "u}b";
  CHECK(names_of(dicts_of(zip_of(of_class)).front().tensors) == kOwnNames);
}

TEST_CASE("tensors with attributes, and parameters with them, are tensors") {
  const auto arguments = tuple({storage(4), integer(0), integers({4}), integers({1}), "\x89", "}"});
  const auto with_attributes =
      global("torch._tensor", "_rebuild_from_type_v2") +
      tuple({global("torch._utils", "_rebuild_tensor_v2"), global("torch", "Tensor"), arguments, "}"}) + "R";
  const auto parameter =
      global("torch._utils", "_rebuild_parameter_with_state") + tuple({tensor(), "\x88", "}", "}"}) + "R";
  const auto dicts = dicts_of(zip_of(dict({{"a", with_attributes}, {"b", parameter}})));
  CHECK(names_of(dicts.front().tensors) == Names({"a", "b"}));
}

TEST_CASE("a whole module is read as its state dict, and its class is never made") {
  const auto net = module({}, {{"conv", module({{"weight", tensor()}, {"bias", "N"}})},
                               {"none", "N"},
                               {"fc", module({{"weight", tensor()}})}});
  CHECK(names_of(dicts_of(zip_of(net)).front().tensors) == kOwnNames);
  CHECK(places_of(dict({{"model", net}})) == Names{"model"});
  const auto old_class =
      tuple({text("module"), global("authors.own", "Net"), text("net.py"), text("class")}) + "Q";
  const auto attributes = dict({{"_parameters", dict({{"w", tensor()}})}, {"_modules", dict({})}});
  const auto old = old_class + ")\x81" + attributes + "b";
  CHECK(names_of(dicts_of(legacy_stream({old})).front().tensors) == Names{"w"});
}

TEST_CASE("modules that loop or multiply end in an error") {
  const auto refusal = [](const std::string& value) { return message_of([&] { dicts_of(zip_of(value)); }); };
  const auto parts = [](const std::string& inside) {
    return "}(" + text("_parameters") + dict({{"w", tensor()}}) + text("_modules") + inside + "ub";
  };
  const auto object_of = global("authors.own", "Net") + ")\x81";
  CHECK(
      contains(refusal(object_of + "q\0"s + parts("}(" + text("a") + "h\0u"s)), "nested more than 100 deep"));
  auto doubling = object_of + parts("}");
  for (char i = 0; i < 60; ++i) {
    doubling = doubling + "q"s + i + "0" + object_of +
               parts("}(" + text("a") + "h"s + i + text("b") + "h"s + i + "u");
  }
  CHECK(contains(refusal(doubling), "far more memory"));
}

TEST_CASE("what is no dict of tensors is refused by what it is") {
  const auto refusal = [](const std::string& value) { return message_of([&] { dicts_of(zip_of(value)); }); };
  CHECK(contains(refusal(object("authors.own", "Trainer")), "an object of the class authors.own.Trainer"));
  CHECK(contains(refusal(object("authors.own", "Trainer")), "state_dict()"));
  CHECK(contains(refusal("](" + tensor() + "e"), "not a dict"));
  CHECK(contains(refusal(dict({{"epoch", integer(1)}})), "holds no dict of tensors"));
}

TEST_CASE("a prefix of all names is taken off, and said") {
  for (const std::string prefix : {"module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.",
                                   "model.", "backbone.", "net.", "student.encoder."}) {
    const auto weights = fit(dict({{"state_dict", state(prefix)}}));
    CHECK(names_of(weights.tensors) == kOwnNames);
    REQUIRE(weights.notes.size() == 1);
    CHECK(weights.notes[0] == "The weights are 'state_dict' without '" + prefix + "' of the file.");
  }
  CHECK(fit(state()).notes.empty());
  CHECK(fit(dict({{"model", state()}, {"epoch", integer(1)}})).notes.empty());
}

TEST_CASE("wrappers inside of names are taken off, and said") {
  const auto weights =
      fit(dict({{"model.conv.module.weight", tensor()}, {"model.fc._orig_mod.weight", tensor()}}));
  CHECK(names_of(weights.tensors) == kOwnNames);
  REQUIRE(weights.notes.size() == 1);
  CHECK(contains(weights.notes[0], "without the parts of wrappers"));
  CHECK(contains(weights.notes[0], "and 'model.'"));
}

TEST_CASE("tensors outside of the network are left out, and said; those inside are not") {
  for (const auto& [prefix, extra] : std::vector<std::pair<std::string, std::string>>{
           {"", "criterion.weight"}, {"model.", "criterion.weight"}, {"module.", "n_averaged"}}) {
    const auto weights = fit(state(prefix, extra));
    CHECK(names_of(weights.tensors) == kOwnNames);
    CHECK(weights.notes.back() == "Left out of the weights, as small has no such parts: " + extra + ".");
  }
  for (const auto& inside : {"conv.bias", "relu.weight", "fc.1.weight"})
    CHECK(fit(state("", inside)).tensors.size() == 3);
}

TEST_CASE("of several state dicts that fit, the likeliest is taken, and the others are named") {
  const auto both = fit(dict({{"model_ema", state("module.")}, {"model", state()}}));
  CHECK(names_of(both.tensors) == kOwnNames);
  REQUIRE(both.notes.size() == 2);
  CHECK(both.notes[0] == "The weights are 'model' of the file.");
  CHECK(both.notes[1] == "These would fit as well: 'model_ema' without 'module.'.");
  // The one that fits is taken, wherever the others lie.
  const auto discriminator = dict({{"conv.weight", tensor()}});
  CHECK(names_of(fit(dict({{"state_dict", discriminator}, {"generator", state()}})).tensors) == kOwnNames);
}

TEST_CASE("what doesn't fit keeps its names, and objects in the place of tensors are told") {
  const auto weights =
      fit(dict({{"conv.weight", tensor()}, {"head.weight", tensor()}, {"fc.weight", object("a", "B")}}));
  CHECK(names_of(weights.tensors) == Names({"conv.weight", "head.weight"}));
  CHECK(weights.notes.empty());
  CHECK(weights.objects == Names{"fc.weight is an object of the class a.B"});
}

TEST_CASE("weights that are made out of others are told") {
  for (const auto* part : {"fc.parametrizations.weight.original0", "fc.weight_g", "fc.weight_orig"}) {
    const auto weights = fit(dict({{"conv.weight", tensor()}, {part, tensor()}}));
    CHECK(weights.objects == Names{"fc.weight is reparametrized"});
  }
  CHECK(fit(state()).objects.empty());
}

}  // namespace iba::test
