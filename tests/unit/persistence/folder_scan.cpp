// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.folder_scan

#include "persistence/folder_scan.hpp"

#include "file_tree.hpp"

#include <caf/test/unit_test.hpp>

#include <sys/stat.h>

using namespace shoal;

namespace {

std::string paths(const folder_listing& listing) {
  std::string all;
  for (auto& file : listing.files)
    all += file.path + "|";
  return all;
}

error trouble(const std::string& root, link_policy links = link_policy::inside) {
  auto listing = scan_folder(root, links);
  CAF_REQUIRE(!listing);
  return listing.error();
}

bool mentions(const error& err, std::string_view text) {
  return err.detail.find(text) != std::string::npos;
}

} // namespace

CAF_TEST(files are listed in the order of a v2 file tree) {
  test::file_tree tree;
  for (auto path : {"b", "a/z", "a.txt", "a/b/c", "a-b", "\xc3\xbc", "Z"})
    tree.write(path, "1");
  const auto listing = *scan_folder(tree.root() + "/");
  CAF_CHECK_EQUAL(paths(listing), "Z|a/b/c|a/z|a-b|a.txt|b|\xc3\xbc|");
  CAF_CHECK_EQUAL(listing.total_size_bytes, 7u);
}

CAF_TEST(a single file is listed under its own name) {
  test::file_tree tree;
  tree.write("sub/model.bin", "12345");
  const auto listing = *scan_folder(tree.at("sub/model.bin"));
  CAF_CHECK_EQUAL(paths(listing), "model.bin|");
  CAF_CHECK_EQUAL(listing.files[0].size_bytes, 5u);
}

CAF_TEST(links are followed while they stay inside) {
  test::file_tree tree;
  tree.write("real/file", "1");
  std::filesystem::create_symlink("real/file", tree.at("link"));
  std::filesystem::create_symlink("real", tree.at("twin"));
  CAF_CHECK_EQUAL(paths(*scan_folder(tree.root())), "link|real/file|twin/file|");
}

CAF_TEST(links that lead outside are refused unless asked for) {
  test::file_tree tree;
  test::file_tree other;
  tree.write("a", "1");
  other.write("secret", "2");
  std::filesystem::create_symlink(other.at("secret"), tree.at("leak"));
  CAF_CHECK(trouble(tree.root()).code == ec::invalid_argument);
  CAF_CHECK(mentions(trouble(tree.root()), "leads outside"));
  CAF_CHECK_EQUAL(paths(*scan_folder(tree.root(), link_policy::anywhere)), "a|leak|");
}

CAF_TEST(a folder whose name starts like ours is outside) {
  test::file_tree tree;
  tree.write("a", "1");
  std::filesystem::create_directory(tree.root() + "-other");
  std::filesystem::create_directory_symlink(tree.root() + "-other", tree.at("link"));
  CAF_CHECK(mentions(trouble(tree.root()), "leads outside"));
}

CAF_TEST(circles and dangling links are refused) {
  test::file_tree tree;
  tree.write("a/file", "1");
  std::filesystem::create_directory_symlink("..", tree.at("a/up"));
  CAF_CHECK(mentions(trouble(tree.root()), "circle"));
  test::file_tree dangling;
  std::filesystem::create_symlink("nowhere", dangling.at("link"));
  CAF_CHECK(mentions(trouble(dangling.root()), "leads nowhere"));
}

CAF_TEST(names in other encodings are refused with the name escaped) {
  test::file_tree tree;
  tree.write("good", "1");
  tree.write("bad\xff.bin", "1");
  const auto err = trouble(tree.root());
  CAF_CHECK(err.code == ec::invalid_argument);
  CAF_CHECK(mentions(err, "not UTF-8"));
  CAF_CHECK(mentions(err, "bad\\xff.bin"));
}

CAF_TEST(a top folder for pads and things that are no files are refused) {
  test::file_tree tree;
  tree.write(".pad/100", "1");
  CAF_CHECK(mentions(trouble(tree.root()), ".pad"));
  test::file_tree nested;
  nested.write("sub/.pad/100", "1");
  CAF_CHECK(scan_folder(nested.root()).has_value());
  CAF_REQUIRE_EQUAL(::mkfifo(nested.at("pipe").c_str(), 0600), 0);
  CAF_CHECK(mentions(trouble(nested.root()), "neither a file nor a folder"));
}

CAF_TEST(what a download keeps beside its files is left out) {
  test::file_tree tree;
  tree.write("a.bin", "1");
  tree.write(".shoal/0123/resume", "2");
  tree.write("sub/.shoal/b.bin", "3");
  const auto found = scan_folder(tree.root());
  CAF_REQUIRE(found.has_value());
  CAF_REQUIRE_EQUAL(found->files.size(), 2u);
  CAF_CHECK_EQUAL(found->files[0].path, "a.bin");
  CAF_CHECK_EQUAL(found->files[1].path, "sub/.shoal/b.bin");
}

CAF_TEST(nothing to publish is an error) {
  test::file_tree tree;
  CAF_CHECK(trouble(tree.root()).code == ec::invalid_argument);
  tree.write("empty", "");
  CAF_CHECK(mentions(trouble(tree.root()), "nothing to publish"));
  CAF_CHECK(trouble(tree.at("absent")).code == ec::not_found);
}
