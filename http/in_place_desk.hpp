// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "persistence/object_store.hpp"

#include <map>
#include <mutex>

namespace shoal::http {

/// Files of publishers on this machine on their way to being served from where they are. Hashing
/// takes its time, so a publisher asks again until it is done; between two of its questions the
/// file waits here. Any thread. Lost when it dies: hashing that was begun.
class in_place_desk {
public:
  /// @param objects outlives this. @param roots folders whose files may be served; none: nothing.
  in_place_desk(object_store& objects, const std::vector<std::string>& roots)
      : objects_{objects}, roots_{roots.begin(), roots.end()} {}

  bool is_open() const { return !roots_.empty(); }

  struct progress {
    uint64_t hashed_bytes = 0;
    uint64_t size_bytes = 0;
    bool is_done = false; ///< It is an object now.
    bool was_there = false;
  };

  /// Hashes the next part of a file. Does disk I/O. @param object what it should hash to.
  /// @errors ec::invalid_argument (not a file that may be served), ec::hash_mismatch, ec::conflict
  /// (it is being changed), ec::storage_full, ec::storage_failed.
  result<progress> go_on(const sha256_digest& object, const std::filesystem::path& file);

private:
  struct waiting {
    in_place_file file;
    mono_time since;
  };

  result<in_place_file> take(const sha256_digest& object, const std::filesystem::path& file);
  void put_back(const sha256_digest& object, in_place_file file);

  object_store& objects_;
  const std::vector<std::filesystem::path> roots_;
  std::mutex mutex_;
  std::map<sha256_digest, waiting> waiting_; ///< limits::in_place_files_max at most.
};

} // namespace shoal::http
