// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.partial_object

#include "persistence/partial_object.hpp"

#include "persistence/object_store.hpp"
#include "protocol/merkle.hpp"
#include "tests/unit/persistence/support.hpp"
#include "tests/unit/support/killed_child.hpp"

#include <caf/test/unit_test.hpp>

#include <random>
#include <thread>
#include <unistd.h>

using namespace shoal;
using namespace shoal::test;

namespace {

constexpr uint32_t chunk = 64 * 1024;

std::string random_bytes(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (auto& c : bytes)
    c = static_cast<char>(random());
  return bytes;
}

struct fixture {
  temp_folder folder;
  fs::path root = folder.path() / "partial";
  sha256_digest key = sha256("key");
  std::string content = random_bytes(10 * chunk + 100, 1);
  partial_spec spec;
  std::unique_ptr<partial_object> partial;

  fixture() {
    spec.size_bytes = content.size();
    spec.chunk_bytes = chunk;
    spec.sha256 = sha256(content);
    spec.validator = "\"etag\"";
    reopen();
  }

  void reopen() {
    partial.reset();
    auto opened = partial_object::open(root, key, spec);
    if (!opened)
      CAF_FAIL(to_string(opened.error()));
    partial = std::move(*opened);
  }

  result<std::vector<uint32_t>> write(uint64_t offset, size_t size) {
    return partial->write(offset, as_bytes(std::string_view(content).substr(offset, size)));
  }

  /// Writes chunks, whole. @returns how many have become ready.
  size_t bring(uint32_t first, uint32_t count = 1) {
    auto done = write(uint64_t{first} * chunk, uint64_t{count} * chunk);
    if (!done)
      CAF_FAIL(to_string(done.error()));
    return done->size();
  }

  std::string read(uint64_t offset, size_t size) const {
    std::string bytes(size, '\0');
    auto n = partial->read(offset, {reinterpret_cast<uint8_t*>(bytes.data()), size});
    CAF_REQUIRE(n.has_value());
    bytes.resize(*n);
    return bytes;
  }

  std::optional<ec> finish() {
    return code_of(partial->finish([&](const fs::path& file, const sha256_digest& object) {
      CAF_CHECK((object == sha256(content)));
      CAF_CHECK_EQUAL(::rename(file.c_str(), (folder.path() / "placed").c_str()), 0);
      return result<void>();
    }));
  }
};

/// Child: brings chunks in random order and reports each that a sync has seen.
[[noreturn]] void bring_for_ever(const fixture& f, unsigned seed, int report_fd) {
  auto partial = partial_object::open(f.root, f.key, f.spec);
  std::mt19937 random(seed);
  while (partial) {
    auto c = static_cast<uint32_t>(random() % (*partial)->chunk_count());
    // Wrong bytes stand where the right ones come: only what is marked may be what it should.
    auto right = std::string_view(f.content).substr(uint64_t{c} * chunk, chunk);
    if (!(*partial)->write(uint64_t{c} * chunk, as_bytes(right)) || !(*partial)->sync()
        || ::write(report_fd, &c, sizeof(c)) != sizeof(c))
      ::_exit(1);
    if ((*partial)->is_whole())
      break;
  }
  for (;;)
    ::pause();
}

std::vector<uint32_t> kill_while_bringing(const fixture& f, unsigned seed, size_t reports) {
  std::vector<uint32_t> seen;
  CAF_REQUIRE(kill_after<uint32_t>(
      static_cast<int>(reports), [&](int report_fd) { bring_for_ever(f, seed, report_fd); },
      [&](uint32_t number) { seen.push_back(number); }));
  return seen;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(partial_object_tests, fixture)

CAF_TEST(chunks come in any order and can be read when they are there) {
  CAF_CHECK_EQUAL(partial->chunk_count(), 11u);
  CAF_CHECK_EQUAL(bring(3, 2), 2u);
  CAF_CHECK_EQUAL(read(0, 10), "");
  CAF_CHECK_EQUAL(read(3 * chunk + 5, 10), content.substr(3 * chunk + 5, 10));
  CAF_CHECK_EQUAL(read(4 * chunk, 3 * chunk).size(), size_t{chunk}); // Up to the gap.
  CAF_CHECK_EQUAL(partial->ready_from(3 * chunk, UINT64_MAX), 2 * chunk);
  CAF_CHECK_EQUAL(partial->ready_from(content.size(), 1), 0u);
  CAF_CHECK_EQUAL(bring(10), 1u); // The short one.
  CAF_CHECK_EQUAL(partial->ready_bytes(), 2 * chunk + 100);
  CAF_CHECK(finish() == ec::unavailable);
  CAF_CHECK_EQUAL(bring(0, 11), 8u);
  CAF_CHECK(partial->is_whole());
  CAF_CHECK(!finish());
  CAF_CHECK_EQUAL(file_bytes(folder.path() / "placed"), content);
  CAF_CHECK_EQUAL(read(0, content.size()), content); // For those who have it open.
  CAF_CHECK(partial_object::list(root).empty());
  CAF_CHECK(fs::is_empty(root));
}

CAF_TEST(an upload comes byte by byte and goes on where it was) {
  for (size_t at = 0; at < 3 * chunk + 777; at += 777)
    CAF_REQUIRE(write(at, 777).has_value());
  auto reached = partial->prefix_bytes();
  CAF_CHECK_GREATER_OR_EQUAL(reached, 3 * chunk + 777);
  CAF_CHECK(code_of(write(reached + 1, 10)) == ec::range_unsatisfiable); // A gap.
  CAF_CHECK(code_of(partial->write(content.size(), as_bytes("x"))) == ec::range_unsatisfiable);
  CAF_REQUIRE(partial->sync());
  CAF_REQUIRE(write(reached, 10).has_value());
  reopen();
  CAF_CHECK_EQUAL(partial->prefix_bytes(), reached); // What was not synced is not counted on.
  CAF_REQUIRE(write(reached - 50, content.size()).has_value());
  CAF_CHECK(!finish());
  CAF_CHECK_EQUAL(file_bytes(folder.path() / "placed"), content);
}

CAF_TEST(what was synced is there after a restart) {
  bring(0, 3);
  bring(7);
  CAF_CHECK_EQUAL(partial->unsynced_bytes(), 4 * chunk);
  CAF_REQUIRE(partial->sync());
  CAF_CHECK_EQUAL(partial->unsynced_bytes(), 0u);
  bring(9);
  CAF_CHECK_EQUAL(partial_object::list(root).size(), 1u);
  CAF_CHECK((partial_object::list(root).front().header.sha256 == spec.sha256));
  reopen();
  for (uint32_t c = 0; c < 11; ++c)
    CAF_CHECK_EQUAL(partial->has(c), c < 3 || c == 7);
  CAF_CHECK_EQUAL(read(7 * chunk, chunk), content.substr(7 * chunk, chunk));
  bring(3, 11);
  CAF_CHECK(!finish());
}

CAF_TEST(another version of the file begins anew) {
  bring(0, 3);
  CAF_REQUIRE(partial->sync());
  spec.validator = "\"other\"";
  reopen();
  CAF_CHECK_EQUAL(partial->ready_bytes(), 0u);
  bring(0, 3);
  CAF_REQUIRE(partial->sync());
  spec.sha256.reset(); // Whoever does not know the hash takes what there is.
  reopen();
  CAF_CHECK_EQUAL(partial->ready_bytes(), 3 * chunk);
  spec.size_bytes -= 1;
  reopen();
  CAF_CHECK_EQUAL(partial->ready_bytes(), 0u);
}

CAF_TEST(a torn or foreign map costs chunks but never gives wrong ones) {
  bring(0, 5);
  CAF_REQUIRE(partial->sync());
  partial.reset();
  auto map = root / (key.hex() + ".map");
  auto good = file_bytes(map);
  for (size_t size = 0; size < good.size(); ++size) {
    write_file(map, good.substr(0, size));
    reopen();
    for (uint32_t c = 0; c < 11; ++c)
      if (partial->has(c))
        CAF_REQUIRE_EQUAL(read(uint64_t{c} * chunk, chunk),
                          content.substr(uint64_t{c} * chunk, chunk));
    auto kept = partial->ready_bytes();
    auto records = (good.size() - size + 11) / 12;
    CAF_REQUIRE_EQUAL(kept, records > 5 ? 0 : (5 - records) * chunk);
    if (kept == 0) { // It began anew: the same bytes again.
      bring(0, 5);
      CAF_REQUIRE(partial->sync());
      good = file_bytes(map);
    }
    partial.reset();
  }
  good[good.size() - 20] = static_cast<char>(good[good.size() - 20] ^ 1);
  write_file(map, good);
  reopen();
  CAF_CHECK_EQUAL(partial->ready_bytes(), 3 * chunk);
}

CAF_TEST(wrong bytes are noticed at the end) {
  auto bytes = content;
  bytes[5 * chunk] = static_cast<char>(bytes[5 * chunk] ^ 1);
  CAF_REQUIRE(partial->write(0, as_bytes(bytes)).has_value());
  CAF_CHECK(finish() == ec::hash_mismatch);
  CAF_CHECK(finish() == ec::hash_mismatch);
  partial->discard();
  CAF_CHECK(fs::is_empty(root));
}

CAF_TEST(hashes of pieces find wrong bytes at once) {
  for (bool v2 : {true, false})
    for (uint32_t piece : {16u * 1024, 32u * 1024, 128u * 1024}) {
      auto pieces = std::make_shared<piece_hashes>();
      pieces->piece_length_bytes = piece;
      for (size_t at = 0; at < content.size(); at += piece) {
        auto bytes = as_bytes(std::string_view(content).substr(at, piece));
        if (v2)
          pieces->v2.push_back(merkle::block_root(bytes, piece / merkle::block_bytes));
        else
          pieces->v1.push_back(sha1(bytes));
      }
      spec.pieces = pieces;
      spec.validator = std::to_string(piece) + (v2 ? "v2" : "v1");
      reopen();
      auto c = partial->chunk_bytes();
      CAF_CHECK_EQUAL(c, std::max(chunk, piece));
      std::string wrong(c, 'x');
      CAF_CHECK(code_of(partial->write(c, as_bytes(wrong))) == ec::hash_mismatch);
      CAF_CHECK(!partial->has(1));
      CAF_REQUIRE(partial->sync());
      CAF_REQUIRE(write(0, content.size()).has_value());
      CAF_CHECK(!finish());
    }
}

CAF_TEST(a file of one piece is checked against its root) {
  content = random_bytes(40'000, 2);
  auto pieces = std::make_shared<piece_hashes>();
  pieces->piece_length_bytes = 64 * 1024;
  pieces->v2 = {merkle::block_root(as_bytes(content), 4)}; // Three blocks, rounded up.
  spec.pieces = pieces;
  spec.size_bytes = content.size();
  spec.sha256 = sha256(content);
  reopen();
  CAF_REQUIRE(write(0, content.size()).has_value());
  CAF_CHECK(!finish());
}

CAF_TEST(specs that contradict themselves are refused) {
  auto refused = [&](auto change) {
    auto bad = spec;
    change(bad);
    return code_of(partial_object::open(root, sha256("other"), bad));
  };
  auto pieces = std::make_shared<piece_hashes>();
  pieces->piece_length_bytes = 16 * 1024;
  pieces->v1.resize(3);
  CAF_CHECK(refused([&](auto& s) { s.pieces = pieces; }) == ec::invalid_argument);
  CAF_CHECK(refused([](auto& s) { s.chunk_bytes = 0; }) == ec::invalid_argument);
  CAF_CHECK(refused([](auto& s) { s.validator.resize(1025); }) == ec::invalid_argument);
  CAF_CHECK(refused([](auto& s) { s.size_bytes = UINT64_MAX; }) == ec::too_large);
  CAF_CHECK(refused([](auto& s) { s.size_bytes = uint64_t{1} << 45; }) == ec::too_large);
}

CAF_TEST(an empty file is whole from the start) {
  content.clear();
  spec.size_bytes = 0;
  spec.sha256 = sha256("");
  reopen();
  CAF_CHECK(partial->is_whole());
  CAF_CHECK(!finish());
  CAF_CHECK_EQUAL(fs::file_size(folder.path() / "placed"), 0u);
}

CAF_TEST(threads bring chunks while others read) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (uint32_t c = t; c < 11; c += 4)
        wrong += !write(uint64_t{c} * chunk, chunk).has_value() || !partial->sync();
    });
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&] {
      std::string got(chunk, '\0');
      for (uint64_t at = 0; at < content.size();) {
        auto n = partial->read(at, {reinterpret_cast<uint8_t*>(got.data()), got.size()});
        wrong += !n || got.substr(0, *n) != content.substr(at, *n);
        at += n.value_or(1);
        if (n && *n == 0)
          std::this_thread::yield();
      }
    });
  for (auto& thread : threads)
    thread.join();
  CAF_CHECK_EQUAL(wrong, 0);
  CAF_CHECK(!finish());
}

CAF_TEST(a full disk is noticed before the first byte) {
  tiny_disk disk;
  if (!disk.mounted())
    return;
  spec.size_bytes = 2 << 20;
  CAF_CHECK(code_of(partial_object::open(disk.path(), key, spec)) == ec::storage_full);
  CAF_CHECK(fs::is_empty(disk.path()));
}

CAF_TEST(what a killed process has reported is there and right) {
  for (unsigned round = 1; round <= 6; ++round) {
    partial.reset();
    partial_object::remove(root, key);
    std::vector<uint32_t> seen;
    for (unsigned kill = 0; kill < 3; ++kill)
      for (auto c : kill_while_bringing(*this, 10 * round + kill, 2))
        seen.push_back(c);
    reopen();
    for (auto c : seen)
      CAF_CHECK(partial->has(c));
    for (uint32_t c = 0; c < 11; ++c)
      if (partial->has(c))
        CAF_CHECK_EQUAL(read(uint64_t{c} * chunk, chunk),
                        content.substr(uint64_t{c} * chunk, chunk));
    bring(0, 11);
    CAF_CHECK(!finish());
  }
}

CAF_TEST(it ends in the store as cached or kept) {
  object_store_config config;
  config.root = folder.path() / "data";
  config.cache_bytes_max = 10 << 20;
  auto store = object_store::open(config);
  CAF_REQUIRE(store.has_value());
  root = config.root / "partial";
  reopen();
  bring(0, 11);
  auto room = (*store)->make_room(spec.size_bytes);
  CAF_REQUIRE(room.has_value());
  auto cached = partial->finish(
      [&](const fs::path& file, const sha256_digest& object) { return room->fill(file, object); });
  CAF_REQUIRE(cached.has_value());
  CAF_CHECK_EQUAL((*store)->usage().cached.bytes, content.size());
  reopen();
  bring(0, 11);
  auto kept = partial->finish([&](const fs::path& file, const sha256_digest& object) {
    return (*store)->take(file, object, "ref:a");
  });
  CAF_REQUIRE(kept.has_value());
  auto usage = (*store)->usage();
  CAF_CHECK_EQUAL(usage.cached.bytes, 0u);
  CAF_CHECK_EQUAL(usage.kept.bytes, content.size());
}

CAF_TEST_FIXTURE_SCOPE_END()
