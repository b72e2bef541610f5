#include "import/script_code.h"

#include <doctest/doctest.h>

#include "import/allowed_operators.h"
#include "import/script_program.h"
#include "io/malformed.h"
#include "support/errors.h"

namespace iba::test {

namespace {

using imported::ScriptCode;
using imported::ScriptProgram;

const imported::ScriptLimits kLimits{imported::is_allowed_operator, 2};

std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

/// A module whose forward has these statements.
std::string module_with(const std::string& statements) {
  std::string indented;
  for (size_t begin = 0; begin < statements.size();) {
    size_t end = std::min(statements.find('\n', begin), statements.size());
    indented += "    " + statements.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return "class Net(Module):\n  __parameters__ = [\"w\", ]\n  w : Tensor\n  training : bool\n"
         "  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n" +
         indented + "    return x\n";
}

ScriptCode read(const std::string& source) {
  return imported::read_script_code(source, kLimits, "code");
}

/// What is said against the statements: the whole program is looked at.
std::string refusal(const std::string& source) {
  auto has_operator = [](std::string_view name) { return name == "aten::save" || name == "aten::set_"; };
  return message_of([&] { ScriptProgram({{"__torch__", source}}, kLimits, has_operator); });
}

std::string refusal_of(const std::string& statements) {
  return refusal(module_with(statements));
}

}  // namespace

TEST_CASE("what torch.jit.save writes is read, and written anew as it was") {
  const std::string source = module_with(
      "w = self.w\n"
      "y = torch.add(torch.conv2d(x, w, None, [1, 1]), CONSTANTS.c1, alpha=-1.5e-05)\n"
      "a, b, = torch.split(y, 2)\n"
      "s = annotate(List[Tuple[int, Optional[str]]], [])\n"
      "if torch.gt(ops.prim.min(1, 2), 0):\n"
      "  z = (self).helper(y, (a)[0], )\n"
      "else:\n"
      "  z = unchecked_cast(Tensor, {\"k\": a}[\"k\"])\n"
      "for i in range(3):\n"
      "  z = torch.mul_(z, -inf)\n"
      "while bool(z):\n"
      "  pass\n"
      "_0 = __torch__.helper\n"
      "_1 = _0(z, )\n"
      "getattr(self, \"0\").count = torch.device(\"cpu\")\n"
      "ops.prim.RaiseException(torch.format(\"no \\\"{}\\\"\", 'x'))");
  const ScriptCode code = read(source);
  CHECK(code.definitions.size() == 1);
  CHECK(code.definitions[0].name == "Net");
  CHECK(code.methods.contains("forward"));
  CHECK(code.called_methods == std::set<std::string>{"helper"});
  CHECK(contains(code.text, "y = torch . add"));
  CHECK(read(code.text).text == code.text);
}

TEST_CASE("classes of every kind, and what older versions wrote, are read") {
  const std::string source =
      "op_version_set = 1\nimport __torch__.a\n"
      "# a comment\n"
      "class Out(NamedTuple):\n  logits : Tensor\n  aux : Optional[Tensor]\n"
      "class Kind(Enum):\n  A = \"a\"\n  B = \"b\"\n"
      "class Face(ModuleInterface):\n  def forward(self, x: Tensor) -> Tensor:\n    pass\n"
      "class Net(Module):\n  __annotations__ = []\n  __annotations__[\"0\"] = __torch__.Out\n"
      "  size : Final[Tuple[int, int]] = (1, -2)\n"
      "  def forward(self, x: Tensor, k: int=3) -> __torch__.Out:\n"
      "    y = __torch__.Kind.A\n    return __torch__.Out(x, None)\n"
      "def helper(x: Tensor) -> Tensor:\n  return x\n";
  CHECK(refusal(source) == "");
  CHECK(read(source).definitions.size() == 5);
}

TEST_CASE("a method that would run while the model loads is refused by its name") {
  for (const std::string name : {"__setstate__", "__getstate__"}) {
    const std::string source =
        "class Net(Module):\n  def " + name + "(self, s: int) -> NoneType:\n    return None\n";
    CHECK(code_of([&] { read(source); }) == ErrorCode::model);
    CHECK(contains(refusal(source), name));
  }
}

TEST_CASE("an operator that isn't allowed is refused, however it is reached") {
  for (const std::string statement :
       {"torch.save(x, \"f\")", "ops.aten.save(x, \"f\")", "z = ops.aten.from_file(\"f\", True, 64)",
        "z = ops.inductor._reinterpret_tensor(x, [1], [1], 9)", "(x).set_(x)", "x.save(\"f\")",
        "if bool(x):\n  y = (self.w).save(\"f\")", "y = [{1: torch.as_strided(x, [1], [1])}]",
        "torch.factorial(1000000000)"}) {
    CAPTURE(statement);
    CHECK(code_of([&] {
            ScriptProgram({{"__torch__", module_with(statement)}}, kLimits,
                          [](std::string_view) { return false; });
          }) == ErrorCode::model);
  }
}

TEST_CASE("an operator can't be given another name") {
  for (const std::string statement :
       {"f = torch.add", "t = torch", "o = ops\no.aten.save(x, \"f\")", "a = ops.aten",
        "f = getattr(torch, \"save\")", "f = (\"a\").save\nf(\"b\")",
        "f = getattr(\"a\", \"save\")\nf(\"b\")", "((x).save)(\"f\")", "[x.save][0](\"f\")",
        "f = __torch__.helper\nf = (x).save\nf(\"b\")", "zip(x)", "eval(\"1\")", "fork(x)", "x(x)"}) {
    CAPTURE(statement);
    CHECK(refusal_of(statement) != "");
  }
}

TEST_CASE("a method must not have the name of an operator that isn't allowed") {
  const std::string source = "class A:\n  def save(self, x: str) -> NoneType:\n    return None\n";
  CHECK(refusal(source) == "");
  CHECK(contains(refusal(source + module_with("(\"text\").save(\"f\")")), "'save'"));
}

TEST_CASE("nesting of every kind is bounded") {
  const size_t deep = 200'000;
  const std::string nested[] = {
      "q = " + repeated("(", deep) + "1" + repeated(")", deep),
      "q = " + repeated("[", deep) + "1" + repeated("]", deep),
      "q = " + repeated("{1: ", deep) + "1" + repeated("}", deep),
      "q = " + repeated("-", deep) + "1",
      "q = annotate(" + repeated("List[", deep) + "int" + repeated("]", deep) + ", [])",
      "q = 1" + repeated(" + 1", deep),
      "q = x" + repeated(".y", deep),
      "q = x" + repeated("[0]", deep),
      "q = x" + repeated("(1)", deep),
      "q = x" + repeated(".relu()", deep),
      "q = __torch__" + repeated(".y", deep),
      "q = " + repeated("not ", deep) + "x",
      "q = " + repeated("1 if x else ", deep) + "1",
      "q = " + repeated("torch.relu(", 150) + "x" + repeated(")", 150),
      "q = " + repeated("torch.relu((", 60) + "x" + repeated(").y.y)", 60),
      repeated("q = ", deep) + "1",
  };
  for (const auto& statement : nested) {
    CAPTURE(statement.substr(0, 40));
    CHECK(refusal_of(statement) != "");
  }
  std::string blocks;
  for (size_t i = 0; i < 300; ++i) blocks += repeated("  ", i) + "if True:\n";
  CHECK(refusal_of(blocks + repeated("  ", 300) + "pass") != "");
  CHECK(refusal_of("if x:\n  pass\n" + repeated("elif x:\n  pass\n", deep)) != "");
  CHECK(refusal_of(repeated("# a comment\n\n", deep)) == "");
}

TEST_CASE("what the compiler would unroll or turn into nested blocks isn't in the language") {
  for (const std::string statement :
       {"for a in (1, 2):\n  pass", "for a in [1, 2]:\n  pass", "y = [a for a in x]", "if x:\n  return x",
        "return x", "break", "continue", "global x", "del x", "assert x", "raise x",
        "def f(y: int) -> int:\n  return y", "y = lambda: 1", "f(*x)", "y = x ** 2", "y += 1", "y = x < 2"}) {
    CAPTURE(statement);
    CHECK(refusal_of(statement) != "");
  }
}

TEST_CASE("what the compiler folds stays small") {
  std::string text = "s = \"aaaaaaaaaa\"\n", tuple = "t = (1, 2)\n", method = "s = \"aaaaaaaaaa\"\n",
              format = text;
  for (int i = 0; i < 40; ++i) {
    text += "s = torch.add(s, s)\n";
    format += "s = torch.format(\"{}{}\", s, s)\n";
    method += "s = (s).add(s, )\n";
    tuple += "t = (t, t)\n";
  }
  CHECK(contains(refusal_of(text), "2^20"));
  CHECK(contains(refusal_of(format), "2^20"));
  CHECK(contains(refusal_of(method), "2^20"));
  CHECK(contains(refusal_of(tuple), "256 parts"));
  // What is no text doesn't grow by being added to itself.
  std::string residual = "y = torch.gelu(x, approximate=\"none\")\n";
  for (int i = 0; i < 400; ++i) residual += "y = torch.add(y, y)\n";
  CHECK(refusal_of(residual) == "");
}

TEST_CASE(
    "constants of classes and of arguments are plain values, as LibTorch computes them while it loads") {
  auto with_default = [](const std::string& value) {
    return "def f(x: Tensor, y: Tensor=" + value + ") -> Tensor:\n  return x\n";
  };
  CHECK(refusal(with_default("[1, -2.]")) == "");
  CHECK(refusal(with_default("torch.rand([1000000, 1000000])")) != "");
  CHECK(refusal(with_default("__torch__.g(1)")) != "");
  CHECK(refusal(with_default("x.size")) != "");
  CHECK(refusal("class A:\n  a : Final[str] = torch.format(\"\")\n") != "");
  CHECK(refusal("class A:\n  a : Final[str] = \"" + std::string(300, 'a') + "\"\n") != "");
}

TEST_CASE("a program refers to what it defines, without circles and not too deep") {
  CHECK(contains(refusal_of("y = __torch__.missing(x)"), "__torch__.missing"));
  CHECK(contains(refusal("class A:\n  a : __torch__.torch.classes.quantized.Packed\n"), "C++"));
  CHECK(contains(refusal("class A:\n  a : __torch__.B\nclass B:\n  a : __torch__.A\n"), "each other"));
  CHECK(contains(refusal("class A:\n  a : int\nclass A:\n  a : int\n"), "twice"));
  CHECK(refusal("class A:\n  next : Optional[__torch__.A]\n") == "");
  std::string chain = "class C0:\n  a : int\n", tuples = "class T0(NamedTuple):\n  a : int\n",
              doubled = chain;
  for (int i = 1; i <= 101; ++i) {
    const std::string last = std::to_string(i - 1), now = std::to_string(i);
    chain += "class C" + now + ":\n  a : __torch__.C" + last + "\n";
    tuples +=
        "class T" + now + "(NamedTuple):\n  a : __torch__.T" + last + "\n  b : __torch__.T" + last + "\n";
    doubled += "class C" + now + ":\n  a : __torch__.C" + last + "\n  b : __torch__.C" + last + "\n";
    if (i == 12) CHECK(refusal(doubled) == "");
    if (i == 100) CHECK(refusal(chain) == "");
    if (i == 7) CHECK(refusal(tuples) == "");
  }
  CHECK(contains(refusal(chain), "one through the other"));
  CHECK(contains(refusal(tuples), "one through the other"));
  CHECK(contains(refusal(doubled), "one through the other"));
}

TEST_CASE("what isn't a program is refused with its place") {
  for (const std::string source : {"\x80\x02.",
                                   "class",
                                   "class A",
                                   "class A:",
                                   "class A:\n",
                                   "def f(",
                                   "def f() -> int:\nreturn 1\n",
                                   "x = 1\n",
                                   "class A(B):\n  a : int\n",
                                   "class A:\n\ta : int\n",
                                   "def f() -> int:\n  return \"a\n",
                                   "def f():\n  return '\xc3\xa9'\n",
                                   "def f():\n  return \"\"\"a\"\"\"\n",
                                   "def f():\n  return (1\n",
                                   "def f():\n  return 1)\n",
                                   "def f():\n    x = 1\n  y = 1\n",
                                   "def f():\n  return 1e\n",
                                   "def f():\n  return x @ y\n",
                                   "def f():\n  return CONSTANTS.c2\n",
                                   "def f():\n  return CONSTANTS.c01\n",
                                   "def for():\n  return 1\n"}) {
    CAPTURE(source);
    const std::string message = message_of([&] { read(source); });
    CHECK(message.starts_with("code, line "));
  }
  CHECK(message_of([&] { read("def f():\n  return 1\n  x = $\n"); }).starts_with("code, line 3, "));
}

TEST_CASE("a damaged program is refused or read, and nothing else") {
  const std::string whole = module_with("y = torch.add((x)[0], [1, \"a\"], alpha=2)\nif x:\n  z = {1: y}\n");
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char put : {'\0', '(', ')', '"', '\n', ' ', ':', '-', '.', 'a', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = put;
      try {
        const std::string text = read(damaged).text;
        CHECK(read(text).text == text);
      } catch (const io::Malformed&) {
      } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::model);
      }
    }
    message_of([&] { read(whole.substr(0, at)); });
  }
}

}  // namespace iba::test
