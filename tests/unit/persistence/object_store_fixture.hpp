// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/object_store.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

#include <atomic>

namespace shoal::test {

/// A store with a cache of a mebibyte.
struct object_store_fixture {
  static constexpr uint64_t cache_bytes = 1 << 20;

  temp_folder folder;
  fs::path root = folder.path() / "data";
  std::atomic<int> files_made{0};
  std::unique_ptr<object_store> store = open_store(cache_bytes);

  std::unique_ptr<object_store> open_store(uint64_t bytes) const {
    object_store_config config;
    config.root = root;
    config.cache_bytes_max = bytes;
    config.now = [] { return unix_seconds{1'800'000'000}; };
    config.sync = false;
    auto opened = object_store::open(std::move(config));
    if (!opened)
      CAF_FAIL(to_string(opened.error()));
    return std::move(*opened);
  }

  void reopen(uint64_t bytes = cache_bytes) {
    store.reset();
    store = open_store(bytes);
  }

  /// A file on the store's disk that it may take.
  fs::path write_temp(std::string_view bytes) {
    auto path = root / ("temp" + std::to_string(files_made++));
    write_file(path, bytes);
    return path;
  }

  sha256_digest put(std::string_view bytes, const std::string& owner) {
    auto object = store->put(bytes, owner);
    if (!object)
      CAF_FAIL(to_string(object.error()));
    return *object;
  }

  result<sha256_digest> adopt_in_place(const fs::path& path, const std::string& owner) const {
    auto file = in_place_file::open(path);
    auto hashed = file ? file->hash_some(UINT64_MAX) : tl::unexpected(file.error());
    return hashed ? store->adopt(*file, owner) : tl::unexpected(hashed.error());
  }

  /// As a fetcher does it, on any thread.
  sha256_digest pull(std::string_view bytes) {
    auto room = store->make_room(bytes.size());
    SHOAL_CHECK(room);
    auto object = sha256(bytes);
    SHOAL_CHECK(room->fill(write_temp(bytes), object));
    return object;
  }

  std::string bytes_of(const sha256_digest& object) {
    auto reader = store->read(object);
    if (!reader)
      return to_string(reader.error());
    std::string bytes(reader->size_bytes, '\0');
    auto n = read_full(reader->file.get(), {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()},
                       "object");
    CAF_REQUIRE(n.has_value());
    CAF_CHECK(reader->is_intact());
    return bytes;
  }

  /// So many bytes that no other number has.
  static std::string numbered(int i, size_t size) {
    auto bytes = std::to_string(i) + ' ';
    bytes.resize(size, static_cast<char>('a' + i % 26));
    return bytes;
  }

  /// @returns a number that no test expects if the index does not know it.
  uint64_t pins(const sha256_digest& object) const {
    auto record = store->index().find(object);
    return record && *record ? (*record)->pins : 999;
  }

  uint64_t cache_use() const { return store->usage().cache_bytes; }

  fs::path kept_path(const sha256_digest& object) { return store->files().path_of(object); }

  fs::path cached_path(const sha256_digest& object) const {
    auto hex = object.hex();
    return root / "cache" / hex.substr(0, 2) / hex.substr(2, 2) / hex;
  }

  void check_totals(uint64_t kept, uint64_t kept_bytes, uint64_t cached, uint64_t cached_bytes) {
    auto usage = store->usage();
    CAF_CHECK_EQUAL(usage.kept.count, kept);
    CAF_CHECK_EQUAL(usage.kept.bytes, kept_bytes);
    CAF_CHECK_EQUAL(usage.cached.count, cached);
    CAF_CHECK_EQUAL(usage.cached.bytes, cached_bytes);
  }
};

} // namespace shoal::test
