// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "persistence/lmdb_store.hpp"
#include "tests/unit/support/temp_folder.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/mount.h>

namespace shoal::test {

namespace fs = std::filesystem;

/// A disk of a megabyte, if this process may mount one.
class tiny_disk {
public:
  tiny_disk() {
    mounted_ = ::mount("none", folder_.path().c_str(), "tmpfs", 0, "size=1m") == 0;
    if (!mounted_)
      std::printf("skipped: cannot mount a tmpfs: %s\n", std::strerror(errno));
  }
  ~tiny_disk() {
    if (mounted_)
      ::umount2(folder_.path().c_str(), MNT_DETACH);
  }

  bool mounted() const { return mounted_; }
  const fs::path& path() const { return folder_.path(); }

private:
  temp_folder folder_;
  bool mounted_ = false;
};

inline std::string file_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline lmdb_config store_config(const fs::path& path) {
  lmdb_config config;
  config.path = path;
  config.initial_map_bytes = uint64_t{1} << 20;
  config.max_map_bytes = uint64_t{1} << 30;
  return config;
}

inline std::unique_ptr<lmdb_store> open_store(const lmdb_config& config) {
  auto store = lmdb_store::open(config);
  if (!store)
    std::printf("cannot open the store: %s\n", to_string(store.error()).c_str());
  SHOAL_CHECK(store.has_value());
  return std::move(*store);
}

/// A request that sets one key under no condition.
inline commit_request put_request(table where, std::string key, std::string value) {
  commit_request request;
  request.mutations.push_back({where, std::move(key), std::move(value)});
  return request;
}

inline commit_request create_request(table where, std::string key, std::string value) {
  auto request = put_request(where, key, std::move(value));
  request.guards.push_back({where, std::move(key), 0});
  return request;
}

/// The code of what failed, or nothing if it worked.
template <class T>
std::optional<ec> code_of(const result<T>& x) {
  return x ? std::nullopt : std::optional(x.error().code);
}

inline uint64_t count_of(const lmdb_store& store, table where) {
  auto count = store.count(where);
  SHOAL_CHECK(count.has_value());
  return *count;
}

/// The value of a key, or a text that no test stores.
inline std::string value_of(const lmdb_store& store, table where, std::string_view key) {
  auto found = store.get(where, key);
  if (!found)
    return "failed: " + to_string(found.error());
  return *found ? (*found)->value : "absent";
}

} // namespace shoal::test
