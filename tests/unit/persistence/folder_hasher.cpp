// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.folder_hasher

#include "persistence/folder_hasher.hpp"

#include "file_tree.hpp"
#include "protocol/metainfo.hpp"

#include <caf/test/unit_test.hpp>
#include <libtorrent/bencode.hpp>
#include <libtorrent/create_torrent.hpp>
#include <libtorrent/file_storage.hpp>

using namespace shoal;

namespace {

constexpr uint32_t piece = 32 * 1024;

torrent_content hash(const std::string& root, uint32_t piece_length_bytes = piece) {
  auto listing = scan_folder(root);
  CAF_REQUIRE(listing.has_value());
  hash_options options;
  options.piece_length_bytes = piece_length_bytes;
  auto content = hash_folder(*listing, options);
  CAF_REQUIRE(content.has_value());
  return std::move(*content);
}

/// libtorrent's own .torrent of the same files, made by reading them again.
std::string reference(const test::file_tree& tree, const torrent_content& content,
                      torrent_format format) {
  lt::file_storage files;
  for (auto& file : content.files)
    files.add_file("rev/" + file.path, static_cast<int64_t>(file.size_bytes));
  const auto flags = format == torrent_format::v1   ? lt::create_torrent::v1_only
                     : format == torrent_format::v2 ? lt::create_torrent::v2_only
                                                    : lt::create_flags_t{};
  lt::create_torrent maker(files, static_cast<int>(content.piece_length_bytes), flags);
  maker.set_creation_date(0);
  maker.set_creator("test");
  maker.add_tracker("http://one/announce", 0);
  maker.add_tracker("http://two/announce", 1);
  lt::error_code err;
  lt::set_piece_hashes(maker, tree.base(), err);
  CAF_REQUIRE(!err);
  std::string out;
  lt::bencode(std::back_inserter(out), maker.generate());
  return out;
}

std::string ours(const torrent_content& content, torrent_format format) {
  torrent_options options;
  options.name = "rev";
  options.created_by = "test";
  options.links.trackers = {{"http://one/announce"}, {"http://two/announce"}};
  auto torrent = build_torrent(content, format, options);
  CAF_REQUIRE(torrent.has_value());
  return *torrent;
}

/// All bytes are compared, so info dictionaries, info-hashes and piece layers are equal as well.
void compare(const test::file_tree& tree, uint32_t piece_length_bytes = piece) {
  const auto content = hash(tree.root(), piece_length_bytes);
  for (auto format : {torrent_format::hybrid, torrent_format::v1, torrent_format::v2}) {
    CAF_MESSAGE("format " << std::string(name(format)));
    CAF_CHECK(ours(content, format) == reference(tree, content, format));
    CAF_CHECK(parse_metainfo(ours(content, format)).has_value());
  }
}

} // namespace

CAF_TEST(torrents of one file equal those of libtorrent) {
  for (size_t size : {size_t{1}, size_t{100}, size_t{16383}, size_t{16384}, size_t{16385},
                      size_t{32767}, size_t{32768}, size_t{32769}, size_t{49152}, size_t{65536},
                      size_t{65537}, size_t{1'000'000}, size_t{3'145'728}}) {
    CAF_MESSAGE("size " << size);
    test::file_tree tree;
    tree.fill("model.bin", size);
    compare(tree);
  }
}

CAF_TEST(torrents of many files in nested folders equal those of libtorrent) {
  test::file_tree tree;
  tree.fill("config.json", 571);
  tree.fill("a/b/c/deep.bin", 200'000);
  tree.fill("a/b.bin", 32768);
  tree.fill("a.bin", 32769);
  tree.fill("a-b/x", 5);
  tree.fill("a/b/z", 16384);
  tree.fill("weights/model-00001.safetensors", 2'500'000);
  tree.fill("weights/model-00002.safetensors", 2'097'152);
  compare(tree);
  compare(tree, 16 * 1024);
  compare(tree, 1024 * 1024);
  compare(tree, 4 * 1024 * 1024);
}

CAF_TEST(torrents with empty files equal those of libtorrent) {
  test::file_tree tree;
  tree.write("empty-first", "");
  tree.fill("middle.bin", 40'000);
  tree.write("z/empty-last", "");
  compare(tree);
  test::file_tree lonely;
  lonely.write("empty", "");
  lonely.fill("full", 100);
  compare(lonely);
}

CAF_TEST(torrents with odd names equal those of libtorrent) {
  test::file_tree tree;
  for (auto name : {"ünï çödé/モデル.bin", "with space.txt", "50% #1?.bin", "a+b&c=d;e",
                    "'quo\"ted'", "-dash", ".hidden", "emoji \xf0\x9f\x90\x9f"})
    tree.fill(name, 20'000);
  compare(tree);
}

CAF_TEST(files of equal content share one piece layer as with libtorrent) {
  test::file_tree tree;
  const std::string bytes(100'000, 'x');
  tree.write("one", bytes);
  tree.write("two", bytes);
  compare(tree);
}

CAF_TEST(random folders with sizes around block and piece edges equal those of libtorrent) {
  std::random_device entropy;
  const auto seed = std::getenv("SHOAL_TEST_SEED") != nullptr
                        ? static_cast<uint32_t>(std::stoul(std::getenv("SHOAL_TEST_SEED")))
                        : entropy();
  CAF_MESSAGE("SHOAL_TEST_SEED=" << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 12; ++round) {
    test::file_tree tree;
    const uint32_t length = 16384u << (random() % 4);
    const auto count = 1 + random() % 12;
    for (size_t i = 0; i < count; ++i) {
      const size_t edge = (random() % 2 != 0 ? length : 16384u) * (random() % 9);
      const size_t size = edge + random() % 5;
      tree.fill("f" + std::to_string(random() % 3) + "/x" + std::to_string(i),
                i == 0 || size > 2 ? size + (i == 0) : 0);
    }
    compare(tree, length);
  }
}

CAF_TEST(each file has the digest of its bytes) {
  test::file_tree tree;
  tree.write("abc", "abc");
  tree.write("empty", "");
  tree.write("large", std::string(5'000'000, 'q'));
  const auto content = hash(tree.root());
  CAF_REQUIRE_EQUAL(content.files.size(), 3u);
  CAF_CHECK_EQUAL(content.files[0].sha256.hex(),
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CAF_CHECK_EQUAL(content.files[1].sha256.hex(),
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CAF_CHECK(content.files[2].sha256 == sha256(std::string(5'000'000, 'q')));
  CAF_CHECK_EQUAL(content.total_size_bytes(), 5'000'003u);
}

CAF_TEST(the number of workers does not change the result) {
  test::file_tree tree;
  for (int i = 0; i < 40; ++i)
    tree.fill("d" + std::to_string(i % 4) + "/" + std::to_string(i),
              static_cast<size_t>(i) * 31'000);
  const auto listing = *scan_folder(tree.root());
  hash_options options;
  options.piece_length_bytes = 16 * 1024;
  options.workers = 1;
  const auto alone = *hash_folder(listing, options);
  options.workers = 7;
  const auto together = *hash_folder(listing, options);
  for (auto format : {torrent_format::hybrid, torrent_format::v1})
    CAF_CHECK(ours(alone, format) == ours(together, format));
}

CAF_TEST(progress grows up to the size of the folder) {
  test::file_tree tree;
  tree.fill("a", 3'000'000);
  tree.fill("b", 10);
  uint64_t last = 0;
  bool grows = true;
  hash_options options;
  options.on_progress = [&](uint64_t done, uint64_t total) {
    grows = grows && done > last && total == 3'000'010;
    last = done;
  };
  CAF_CHECK(hash_folder(*scan_folder(tree.root()), options).has_value());
  CAF_CHECK(grows);
  CAF_CHECK_EQUAL(last, 3'000'010u);
}

CAF_TEST(a cancelled hashing ends with an error) {
  test::file_tree tree;
  tree.fill("a", 5'000'000);
  std::atomic<bool> cancelled = false;
  hash_options options;
  options.cancelled = &cancelled;
  options.on_progress = [&](uint64_t, uint64_t) { cancelled = true; };
  const auto content = hash_folder(*scan_folder(tree.root()), options);
  CAF_REQUIRE(!content);
  CAF_CHECK(content.error().code == ec::shutting_down);
}

CAF_TEST(a file that changes after it was listed is noticed) {
  for (auto change : {0, 1, 2, 3}) {
    CAF_MESSAGE("change " << change);
    test::file_tree tree;
    tree.fill("a", 4'000'000);
    tree.fill("b", 100);
    const auto listing = *scan_folder(tree.root());
    hash_options options;
    if (change == 0)
      tree.fill("b", 101);
    if (change == 1)
      std::filesystem::last_write_time(tree.at("b"), std::filesystem::file_time_type::clock::now()
                                                         + std::chrono::hours(1));
    // While it is being read: the size was right when it was opened.
    options.on_progress = [&](uint64_t done, uint64_t) {
      if (change == 2 && done < 4'000'000)
        std::filesystem::resize_file(tree.at("a"), 1'500'000);
      if (change == 3 && done == 4'000'000)
        std::ofstream(tree.at("a"), std::ios::app) << "more";
    };
    const auto content = hash_folder(listing, options);
    CAF_REQUIRE(!content);
    CAF_CHECK(content.error().code == ec::conflict);
  }
}

CAF_TEST(bad piece lengths are refused) {
  test::file_tree tree;
  tree.fill("a", 10);
  for (uint32_t length : {1u, 8192u, 48u * 1024, 32u * 1024 * 1024}) {
    hash_options options;
    options.piece_length_bytes = length;
    const auto content = hash_folder(*scan_folder(tree.root()), options);
    CAF_REQUIRE(!content);
    CAF_CHECK(content.error().code == ec::invalid_argument);
  }
}
