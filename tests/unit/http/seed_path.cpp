// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.seed_path

#include "http/dialects/seed_path.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

manifest with_files(std::initializer_list<const char*> paths) {
  manifest m;
  for (auto path : paths)
    m.files.push_back({path, 1, {}, {}});
  normalize(m);
  return m;
}

std::string spelled(const manifest& m, std::string_view file, std::string_view query = {}) {
  auto* found = find_as_spelled(m, file, query);
  return found ? found->path : "";
}

} // namespace

CAF_TEST(ids of two segments are tried before those of one) {
  std::vector<seed_path> expected{{"ns/name", "v1", "a/b.bin"}, {"ns", "name", "v1/a/b.bin"}};
  CAF_CHECK(seed_path_readings("ns/name/v1/a/b.bin") == expected);
}

CAF_TEST(a path may end with the revision) {
  std::vector<seed_path> expected{{"name/v1", "f", ""}, {"name", "v1", "f"}};
  CAF_CHECK(seed_path_readings("name/v1/f") == expected);
  std::vector<seed_path> shorter{{"name", "v1", ""}};
  CAF_CHECK(seed_path_readings("name/v1") == shorter);
}

CAF_TEST(what names no revision has no reading) {
  for (auto path : {"", "x", "/", "//", "../../etc/passwd", ".a/b/c", "a b/c d", "a/.b/.c"})
    CAF_CHECK(seed_path_readings(path).empty());
}

CAF_TEST(traversal stays a name that no manifest has) {
  for (auto& reading : seed_path_readings("ns/name/v1/../../etc/passwd"))
    CAF_CHECK(!with_files({"etc/passwd", "passwd"}).find_file(reading.file));
}

CAF_TEST(padding has a size in bounds) {
  CAF_CHECK(padding_of(".pad/1") == 1u);
  CAF_CHECK(padding_of(".pad/16777216") == limits::pad_bytes_max);
  for (auto file : {".pad/0", ".pad/", ".pad", ".pad/16777217", ".pad/-1", ".pad/+1", ".pad/1/2",
                    ".pad/0x10", ".pad/18446744073709551616", "a/.pad/1", ".pad/ 1"})
    CAF_CHECK(!padding_of(file));
}

CAF_TEST(fetch sends a question mark as the query) {
  auto m = with_files({"q?x=1.txt", "q"});
  CAF_CHECK_EQUAL(spelled(m, "q", "x=1.txt"), "q?x=1.txt");
  CAF_CHECK_EQUAL(spelled(m, "q", "x%3D1.txt"), "q?x=1.txt");
}

CAF_TEST(fetch drops what follows a hash sign) {
  auto m = with_files({"a#b.txt", "two/a#1", "two/a#2", "q?x#y"});
  CAF_CHECK_EQUAL(spelled(m, "a"), "a#b.txt");
  CAF_CHECK_EQUAL(spelled(m, "q", "x"), "q?x#y");
  CAF_CHECK_EQUAL(spelled(m, "two/a"), ""); // Two files fit.
  CAF_CHECK_EQUAL(spelled(m, ""), "");
}

CAF_TEST(transmission writes an underscore for what windows reserves) {
  auto m = with_files({"q?x=1.txt", "a:b", "c*", "d/e"});
  CAF_CHECK_EQUAL(spelled(m, "q_x=1.txt"), "q?x=1.txt");
  CAF_CHECK_EQUAL(spelled(m, "a_b"), "a:b");
  for (auto file : {"d_e", "q-x=1.txt", "c", "Q_x=1.txt", "__"})
    CAF_CHECK_EQUAL(spelled(m, file), "");
}
