// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "udp/connection_ids.hpp"

namespace shoal::udp {

/// Which keys are good while an operator changes the secret of a node that runs, so that no client
/// is refused. Pure: time is passed in.
///
///     change            + notice           + life
///     | issues: old     | issues: new      | issues: new
///     | accepts: both   | accepts: both    | accepts: new
class key_rotation {
public:
  /// A client may ask one thread, or one node, for its id and show it to another. So nobody issues
  /// under a new key before all of them accept it: threads look once a second, and nodes should be
  /// told within this time.
  static constexpr std::chrono::seconds notice{3};

  explicit key_rotation(connection_keys keys) : given_{std::move(keys)} {}

  /// The operator says what the keys are from now on. Saying the same again changes nothing.
  /// @returns whether it is something else.
  bool change(const connection_keys& to, mono_time now);

  /// @param now never before the last change.
  connection_keys at(mono_time now) const;

private:
  connection_keys given_;
  hash_key before_; // Ids were issued under this one when the current key last changed.
  mono_time issue_at_ = mono_time::min();
  mono_time forget_at_ = mono_time::min();
};

} // namespace shoal::udp
