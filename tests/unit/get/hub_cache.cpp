// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE get.hub_cache

#include "cmd/get/hub_cache.hpp"

#include "tests/unit/support/temp_folder.hpp"

#include <caf/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace shoal;
using namespace shoal::get;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

} // namespace

CAF_TEST(repositories are called as hugging face calls them) {
  CAF_CHECK(hub_cache("/c", "model", {"org", "name"}).root() == "/c/models--org--name");
  CAF_CHECK(hub_cache("/c", "dataset", {"org", "name"}).root() == "/c/datasets--org--name");
  CAF_CHECK(hub_cache("/c", "space", {"", "gpt2"}).root() == "/c/spaces--gpt2");
}

CAF_TEST(snapshots link to blobs however deep a file lies) {
  test::temp_folder folder;
  const hub_cache cache(folder.path(), "model", {"org", "name"});
  put(cache.blob("aa"), "one");
  put(cache.blob("bb"), "two");
  for (auto path : {"top.txt", "a/b/c/deep.txt"}) {
    CAF_CHECK(cache.link("commit", path, "aa").has_value());
    CAF_CHECK_EQUAL(text_of(cache.snapshot("commit") / path), "one");
    CAF_CHECK(cache.link("commit", path, "bb").has_value());
    CAF_CHECK(cache.link("commit", path, "bb").has_value());
    CAF_CHECK_EQUAL(text_of(cache.snapshot("commit") / path), "two");
  }
  CAF_CHECK(fs::read_symlink(cache.snapshot("commit") / "top.txt") == "../../blobs/bb");
  size_t entries = 0;
  for ([[maybe_unused]] auto& entry : fs::directory_iterator(cache.snapshot("commit")))
    ++entries;
  CAF_CHECK_EQUAL(entries, 2u);
}

CAF_TEST(refs hold the commit and nothing else) {
  test::temp_folder folder;
  const hub_cache cache(folder.path(), "model", {"org", "name"});
  CAF_CHECK(cache.write_ref("v1", "old").has_value());
  CAF_CHECK(cache.write_ref("v1", "new").has_value());
  CAF_CHECK_EQUAL(text_of(cache.root() / "refs/v1"), "new");
}

CAF_TEST(the cache is where the variables of hugging face say) {
  ::setenv("HOME", "/home/x", 1);
  for (auto name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"})
    ::unsetenv(name);
  CAF_CHECK(hub_cache::default_folder() == "/home/x/.cache/huggingface/hub");
  ::setenv("XDG_CACHE_HOME", "/xdg", 1);
  CAF_CHECK(hub_cache::default_folder() == "/xdg/huggingface/hub");
  ::setenv("HF_HOME", "/hf", 1);
  CAF_CHECK(hub_cache::default_folder() == "/hf/hub");
  ::setenv("HF_HUB_CACHE", "/cache", 1);
  CAF_CHECK(hub_cache::default_folder() == "/cache");
}
