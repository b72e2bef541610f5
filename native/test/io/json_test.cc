#include <doctest/doctest.h>

#include <cmath>

#include "io/json_reader.h"
#include "io/json_value.h"
#include "io/malformed.h"
#include "support/errors.h"
#include "support/formats.h"

namespace iba::test {

namespace {

io::JsonValue parse(std::string_view text) {
  return io::JsonValue::parse(text, "this is no JSON");
}

}  // namespace

TEST_CASE("JSON of every kind is read") {
  auto value = parse(R"( {"a": [1, -2.5e1, true, false, null, "x\n\"é😀"], "b": {}, "c": []} )");
  const auto& elements = value["a"].array();
  CHECK(elements[0].integer() == 1);
  CHECK(elements[0].real() == 1);
  CHECK(elements[1].real() == -25);
  CHECK(elements[2].boolean());
  CHECK_FALSE(elements[3].boolean());
  CHECK(elements[4].is_null());
  CHECK(elements[5].string() == "x\n\"\u00e9\U0001f600");
  CHECK(value["b"].members().empty());
  CHECK(value["c"].array().empty());
  CHECK(value.find("d") == nullptr);
}

TEST_CASE("numbers are read to their last digit, and those that JSON lacks as Python writes them") {
  CHECK(parse("9223372036854775807").integer() == std::numeric_limits<int64_t>::max());
  CHECK(parse("-9223372036854775808").integer() == std::numeric_limits<int64_t>::min());
  CHECK_FALSE(parse("9223372036854775808").is_integer());
  CHECK(parse("0.1").real() == 0.1);
  CHECK(std::isnan(parse("NaN").real()));
  CHECK(parse("-Infinity").real() == -std::numeric_limits<double>::infinity());
  CHECK(parse("\"Infinity\"").real() == std::numeric_limits<double>::infinity());
}

TEST_CASE("what is no JSON is refused at its place") {
  for (const char* text : {"",          "{",           "[",           "[1,]",
                           "{\"a\"}",   "{\"a\":}",    "{a:1}",       "1 2",
                           "tru",       "'a'",         "\"",          "\"\\x\"",
                           "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
                           "\"\x01\"",  "\"\xff\"",    "1.2.3",       "--1",
                           "1e999999",  "[1 2]"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse(text), io::Malformed);
  }
  CHECK(contains(message_of([] { parse("[1,]"); }), "this is no JSON: expected a value at byte 3"));
}

TEST_CASE("nesting is bounded") {
  CHECK_NOTHROW(parse(repeated("[", 64) + repeated("]", 64)));
  CHECK_THROWS_AS(parse(repeated("[", 66) + repeated("]", 66)), io::Malformed);
  CHECK_THROWS_AS(parse(repeated("[", 1'000'000)), io::Malformed);
  CHECK_THROWS_AS(parse(repeated("{\"a\":", 1'000'000)), io::Malformed);
}

TEST_CASE("a value that is asked for what it isn't says so") {
  auto value = parse(R"({"a": 1.5})");
  CHECK_THROWS_AS(value["a"].integer(), io::Malformed);
  CHECK_THROWS_AS(value["a"].string(), io::Malformed);
  CHECK_THROWS_AS(value["b"].real(), io::Malformed);
  CHECK_THROWS_AS(value.array(), io::Malformed);
}

TEST_CASE("counts have no sign, no fraction and an end") {
  CHECK(io::JsonReader("9223372036854775807").count() == std::numeric_limits<int64_t>::max());
  for (const char* text : {"9223372036854775808", "-1", "01", "", "x"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(io::JsonReader(text).count(), io::Malformed);
  }
}

TEST_CASE("a text is written so that it is read back") {
  std::string text;
  for (char c = 0; c < 0x7f; ++c) text.push_back(c);
  text += "\u00e9\U0001f600";
  CHECK(io::JsonReader(io::json_string(text)).string() == text);
}

}  // namespace iba::test
