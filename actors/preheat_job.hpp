// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/preheat.hpp"

#include <map>

namespace shoal {

/// What a preheat has to bring, and how far it is. Pure: time is passed in.
class preheat_job {
public:
  /// @param now by the calendar.
  preheat_job(uint64_t id, begin_preheat what, unix_seconds now);

  /// With the files that are on their way.
  preheat_status status() const;
  uint64_t id() const { return status_.id; }
  uint64_t version() const { return status_.version; }
  bool is_over() const { return shoal::is_over(status_.state); }
  bool is_pulling() const { return status_.state == preheat_state::pulling; }
  const begin_preheat& what() const { return status_.what; }

  /// @returns the revision under the name of its commit.
  origin_name commit() const;

  /// "ns/name@rev", as it was asked for.
  std::string called() const { return what().name.id + '@' + what().name.rev; }

  /// Whether it was begun for the same as that.
  bool is_for(const begin_preheat& other) const;

  // -- files ---------------------------------------------------------------------------------

  /// The origin has said what there is. @param all of the commit; those that are wanted stay.
  /// @errors ec::not_found: none is wanted.
  result<void> list(std::string commit, const std::vector<hub_file>& all);

  const std::vector<hub_file>& files() const { return files_; }

  /// Which files are here already. @param here of each. @returns the bytes that are not.
  uint64_t begin(const std::vector<bool>& here);

  /// @returns a file to begin with; nothing if enough are on their way, or none is due.
  std::optional<size_t> next(mono_time now);

  bool is_under_way(size_t file) const { return under_way_.contains(file); }

  /// @param done_bytes from its begin on.
  void moved(size_t file, uint64_t done_bytes);

  void arrived(size_t file);

  /// It is tried again later, unless that is of no use.
  void failed(size_t file, const error& why, mono_time now);

  /// Whether nothing is on its way, nor will be.
  bool has_ended_pulls() const { return under_way_.empty() && waiting_.empty(); }

  // -- the end -------------------------------------------------------------------------------

  /// All files were tried. @returns whether all are here, and it is time to register them.
  bool end_pulls(unix_seconds now);

  void registered(mirror_outcome how, unix_seconds now);
  void fail(error why, unix_seconds now);
  void cancel(unix_seconds now);

private:
  /// A file that is to be begun.
  struct attempt {
    mono_time not_before{};
    unsigned failures = 0;
  };

  void become(preheat_state state, unix_seconds now);

  preheat_status status_; ///< Without the files that are on their way.
  std::vector<hub_file> files_;
  std::map<size_t, attempt> waiting_;
  std::map<size_t, uint64_t> under_way_; ///< Bytes that have come.
  std::map<size_t, attempt> tried_;      ///< Of those that are on their way.
};

} // namespace shoal
