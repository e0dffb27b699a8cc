// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.model_id

#include "protocol/model_id.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

CAF_TEST(ids have one or two segments) {
  CAF_CHECK(model_id::parse("gpt2") == (model_id{"", "gpt2"}));
  CAF_CHECK(model_id::parse("run-way.ml/sd_v1-5") == (model_id{"run-way.ml", "sd_v1-5"}));
  CAF_CHECK_EQUAL((model_id{"ns", "name"}.str()), "ns/name");
  CAF_CHECK(model_id::parse(std::string(128, 'a') + "/" + std::string(128, 'b')));
  for (std::string text : {"", "/", "a/", "/a", "a/b/c", ".a", "a/.b", "a b", "a@b", "a%2f",
                           "\xc3\xbc", "..", "a/..", "a:b"})
    CAF_CHECK(!model_id::parse(text));
  CAF_CHECK(!model_id::parse(std::string(129, 'a')));
}

CAF_TEST(revisions are like one segment of an id) {
  CAF_CHECK(is_revision("main") && is_revision("v1.0_rc-1") && is_revision("-"));
  CAF_CHECK(!is_revision("") && !is_revision(".x") && !is_revision("a/b") && !is_revision("a@b"));
  CAF_CHECK(!is_revision(std::string(129, 'r')));
}

CAF_TEST(a ref is named by id and revision) {
  CAF_CHECK_EQUAL(ref_key(*model_id::parse("ns/name"), "rev"), "ns/name@rev");
  CAF_CHECK_EQUAL(ref_key(*model_id::parse("name"), "rev"), "name@rev");
}

CAF_TEST(safe paths stay below their folder) {
  for (std::string path : {"a", "a/b", ".hidden", "...", "a/..b", "with space", "#%?&", "\xc3\xbc"})
    CAF_CHECK(is_safe_path(path));
  for (std::string path :
       {"", "/", "/a", "a/", "a//b", "..", "../a", "a/..", "./a", "a/./b", "\xff"})
    CAF_CHECK(!is_safe_path(path));
  CAF_CHECK(!is_safe_path(std::string("a\0b", 3)));
  CAF_CHECK(is_safe_path(std::string(limits::path_bytes_max, 'a')));
  CAF_CHECK(!is_safe_path(std::string(limits::path_bytes_max + 1, 'a')));
}

CAF_TEST(only well formed text passes) {
  for (std::string text : {"", "abc", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
                           "\xed\x9f\xbf", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CAF_CHECK(is_utf8(text));
  for (std::string text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
    CAF_CHECK(!is_utf8(text));
}
