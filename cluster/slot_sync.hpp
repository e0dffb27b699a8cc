// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/replication_log.hpp"

#include <optional>

namespace shoal::cluster {

struct slot_sync_config {
  size_t listed = 512; ///< Swarms listed at once, 1..delta_listed_max.
  size_t backlog_bytes_max
      = limits::replica_sync_backlog_bytes_max; ///< Beyond, it waits: changes are more urgent.
};

/// The order of a full sync, while announces go on: lists the next swarms of the slot, asks each
/// for its peers piece by piece, and so on. A piece is what the swarm's table holds at the moment
/// at which the swarm writes it, so facts before it are contained and facts after it come later;
/// nothing needs to stand still. Pure: whoever drives it does what `next` says and reports.
class slot_sync {
public:
  explicit slot_sync(const slot_sync_config& config = {}) : config_{config} {}

  struct task {
    enum class what : uint8_t {
      wait, ///< Too much is unsaid: ask again later.
      list, ///< replication_log::list from `swarm`, at most `config.listed`; then `listed`.
      ask,  ///< That swarm writes a piece that begins with `identity`; then `wrote`.
      done, ///< replication_log::finish_sync.
    };
    what to_do = what::wait;
    info_hash swarm;
    uint64_t identity = 0;
  };

  /// What to do now; the same again until it is reported. @param backlog_bytes of the log.
  task next(size_t backlog_bytes) const;

  void listed(const delta_range& x);

  /// The swarm has written a piece, or it is gone.
  /// @param next_identity where the next piece begins; nothing: that was the last one.
  void wrote(std::optional<uint64_t> next_identity);

private:
  slot_sync_config config_;
  std::optional<info_hash> list_from_ = info_hash{};
  std::vector<info_hash> swarms_; // The next one last.
  uint64_t identity_ = 0;
};

} // namespace shoal::cluster
