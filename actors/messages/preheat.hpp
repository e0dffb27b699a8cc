// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/mirror.hpp"

/// Jobs that bring what an origin has before anybody asks for it. These stay in the process
/// (ADR 5).
namespace shoal {

/// Begins a job, or finds the same one if it has not ended. `path` is not looked at.
struct begin_preheat {
  origin_name name;
  std::vector<std::string> include; ///< Patterns of paths; empty: all files.
};

/// Asks how far a job is.
struct preheat_query {
  uint64_t id = 0;
  uint64_t seen
      = 0; ///< The version that the asker knows: the answer waits a while for a later one.
};

struct cancel_preheat {
  uint64_t id = 0;
};

struct list_preheats {};

enum class preheat_state : uint8_t {
  listing,     ///< Asks the origin which files there are.
  pulling,     ///< Files come.
  registering, ///< All are here: torrents are made.
  done,
  failed,
  cancelled,
  sentinel_
};

/// @returns the name as the API has it.
std::string_view name(preheat_state state);

/// Whether nothing happens any more.
inline bool is_over(preheat_state state) {
  return state >= preheat_state::done;
}

/// A file on its way.
struct preheat_file {
  std::string path;
  uint64_t size_bytes = 0;
  uint64_t done_bytes = 0;
};

/// How far a job is.
struct preheat_status {
  uint64_t id = 0;
  uint64_t version = 0; ///< Grows with each change.
  preheat_state state = preheat_state::listing;
  begin_preheat what;
  std::string commit; ///< What the revision is at the origin; empty: it has not said yet.
  uint64_t files = 0;
  uint64_t files_done = 0;
  uint64_t bytes = 0;
  uint64_t bytes_done = 0; ///< What was here before counts, too.
  std::vector<preheat_file> under_way;
  std::optional<error> waits_for;        ///< Room: it goes on when there is some.
  std::optional<error> failed;           ///< The first thing that went wrong for good.
  std::optional<mirror_outcome> becomes; ///< Of the commit as a revision, once that is known.
  unix_seconds began_at = 0;
  unix_seconds ended_at = 0; ///< 0: it has not.
};

struct preheat_list {
  std::vector<preheat_status> jobs; ///< The latest first.
};

/// INTERNAL: what other threads have to say.
struct preheat_step {
  uint64_t job = 0;
  std::optional<size_t> file; ///< Of the job; absent: all were looked for.
  std::vector<bool> here;     ///< Whether each file is here.
  std::optional<error> failed;
};

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::begin_preheat)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::preheat_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::cancel_preheat)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::list_preheats)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::preheat_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::preheat_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::preheat_step)
