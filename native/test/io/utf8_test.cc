#include "io/utf8.h"

#include <doctest/doctest.h>

#include "support/errors.h"

namespace iba::test {

TEST_CASE("UTF-8 is what RFC 3629 says") {
  for (const char* valid : {"", "a", "\u00e9", "\u20ac", "\U0001f600", "\u007f", "\u0080", "\u07ff", "\u0800",
                            "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"}) {
    CAPTURE(valid);
    CHECK(io::is_utf8(valid));
  }
  for (const char* invalid : {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
                              "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                              "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "\xe2(\xa1", "\xf0(\x8c\xbc"}) {
    CAPTURE(invalid);
    CHECK_FALSE(io::is_utf8(invalid));
  }
}

TEST_CASE("every code point is written as UTF-8 that is read back") {
  for (uint32_t code : {0x0u, 0x7fu, 0x80u, 0x7ffu, 0x800u, 0xd7ffu, 0xe000u, 0xffffu, 0x10000u, 0x10ffffu}) {
    CAPTURE(code);
    std::string text;
    io::append_utf8(text, code);
    CHECK(io::is_utf8(text));
    CHECK(text.size() == (code < 0x80 ? 1u : code < 0x800 ? 2u : code < 0x10000 ? 3u : 4u));
  }
}

TEST_CASE("Latin-1 ends at U+00FF") {
  CHECK(io::utf8_to_latin1("a\u00e9\u00ff") == "a\xe9\xff");
  CHECK(contains(message_of([] { io::utf8_to_latin1("\u0100"); }), "above U+00FF"));
  CHECK(contains(message_of([] { io::utf8_to_latin1("\xff"); }), "above U+00FF"));
}

}  // namespace iba::test
