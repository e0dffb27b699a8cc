// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.content_type

#include "protocol/content_type.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

std::string attachment(std::string_view name) {
  return content_disposition(disposition::attachment, name);
}

} // namespace

CAF_TEST(model files have their types) {
  CAF_CHECK_EQUAL(content_type("config.json"), "application/json");
  CAF_CHECK_EQUAL(content_type("a/b/CONFIG.JSON"), "application/json");
  for (auto name : {"model.safetensors", "pytorch_model.bin", "m.gguf", "x", "", "a.json/",
                    ".json/x", "a.unknown", "dir.txt/file"})
    CAF_CHECK_EQUAL(content_type(name), "application/octet-stream");
  for (auto name : {"a.txt", "README.md", "README", "LICENSE", "x/.gitattributes", "run.py"})
    CAF_CHECK_EQUAL(content_type(name), "text/plain; charset=utf-8");
}

CAF_TEST(nothing that a browser would run keeps its type) {
  for (auto name :
       {"a.html", "a.HTM", "a.xhtml", "a.svg", "a.xml", "a.js", "a.mjs", "a.css", "a.xsl"})
    CAF_CHECK_EQUAL(content_type(name), "text/plain; charset=utf-8");
}

CAF_TEST(a plain name needs the plain form only) {
  CAF_CHECK_EQUAL(attachment("model v1.torrent"), "attachment; filename=\"model v1.torrent\"");
  CAF_CHECK_EQUAL(content_disposition(disposition::inline_view, "m-r.torrent"),
                  "inline; filename=\"m-r.torrent\"");
}

CAF_TEST(other characters follow in the extended form) {
  CAF_CHECK_EQUAL(attachment("\xe2\x82\xac rates.txt"),
                  "attachment; filename=\"_ rates.txt\"; filename*=UTF-8''%E2%82%AC%20rates.txt");
  CAF_CHECK_EQUAL(attachment("100%41.txt"),
                  "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt");
}

CAF_TEST(names cannot break out of the header or the folder) {
  CAF_CHECK_EQUAL(attachment("a\"; filename=\"b\r\nX: y"),
                  "attachment; filename=\"a_; filename=_b__X_ y\"");
  CAF_CHECK_EQUAL(attachment("../../etc/passwd"), "attachment; filename=\"___.._etc_passwd\"");
  CAF_CHECK_EQUAL(attachment("C:\\x"), "attachment; filename=\"C__x\"");
  CAF_CHECK_EQUAL(attachment(""), "attachment; filename=\"download\"");
  CAF_CHECK_EQUAL(attachment(".."), "attachment; filename=\"__\"");
  CAF_CHECK_EQUAL(attachment("a\0b"sv), "attachment; filename=\"a_b\"");
}

CAF_TEST(ill formed and deceptive text is replaced) {
  for (auto bytes : {"\x80", "\xff", "\xc2", "\xc0", "\xed"})
    CAF_CHECK_EQUAL(attachment("a"s + bytes[0] + "b"), "attachment; filename=\"a_b\"");
  CAF_CHECK_EQUAL(attachment("a\xc0\x80z"), "attachment; filename=\"a__z\"");
  CAF_CHECK_EQUAL(attachment("a\xed\xa0\x80z"), "attachment; filename=\"a___z\"");
  CAF_CHECK_EQUAL(attachment("a\xf4\x90\x80\x80z"), "attachment; filename=\"a____z\"");
  CAF_CHECK_EQUAL(attachment("txt\xe2\x80\xae"
                             "exe"),
                  "attachment; filename=\"txt_exe\"");
  CAF_CHECK_EQUAL(attachment("a\xe2\x81\xa6z"), "attachment; filename=\"a_z\"");
  CAF_CHECK_EQUAL(attachment("a\xc2\x85z"), "attachment; filename=\"a_z\"");
  CAF_CHECK_EQUAL(attachment("\xf0\x9f\xa4\x97"),
                  "attachment; filename=\"_\"; filename*=UTF-8''%F0%9F%A4%97");
}

CAF_TEST(long names keep their extension) {
  CAF_CHECK_EQUAL(attachment(std::string(300, 'n') + ".torrent"),
                  "attachment; filename=\"" + std::string(247, 'n') + ".torrent\"");
  std::string wide = "x";
  for (int i = 0; i < 150; ++i)
    wide += "\xc3\xa9";
  auto value = attachment(wide);
  CAF_CHECK_EQUAL(value.substr(value.size() - 6), "%C3%A9");
  CAF_CHECK_EQUAL(value.substr(0, 25), "attachment; filename=\"x__");
}
