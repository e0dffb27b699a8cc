// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/webseed.hpp"

/// Files that come to the node that pulls them for all, because another node asks for it and not a
/// client. What is not marked otherwise stays in the process (ADR 5).
namespace shoal {

/// Asks the home of a file's pull to bring it there. The answer comes when more of it is there than
/// the asker knows, or after a while; whoever asks no more lets the pull end.
struct pull_errand {
  origin_name name;    ///< `rev` is the commit.
  origin_record known; ///< What a hub says of it.
  uint64_t seen_bytes = 0;
};

/// The answer.
struct errand_progress {
  bool is_ours = false; ///< This node is the home; nothing else is said, and nothing was done.
  uint64_t done_bytes = 0;
  std::optional<origin_record> arrived; ///< All of it is there; `sha256` is known.
};

/// The same question on a link.
struct errand_order {
  std::string kind;
  std::string id;
  std::string rev;
  std::string path;
  std::string record; ///< An encoded `origin_record`, as is the next one.
  uint64_t seen_bytes = 0;

  template <class Inspector>
  friend auto inspect(Inspector& f, errand_order& x) {
    return f(x.kind, x.id, x.rev, x.path, x.record, x.seen_bytes);
  }
};

/// The answer on a link.
struct errand_report {
  uint64_t done_bytes = 0;
  std::string arrived; ///< Empty: not yet.
  uint8_t failed = 0;  ///< The `ec` that the pull failed with; 0: it has not.
  std::string why;

  template <class Inspector>
  friend auto inspect(Inspector& f, errand_report& x) {
    return f(x.done_bytes, x.arrived, x.failed, x.why);
  }
};

/// INTERNAL: from the disk, which object a file of an errand has become.
struct errand_step {
  sha256_digest pull;
  std::optional<sha256_digest> object; ///< Absent: it is not here.
};

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::pull_errand)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::errand_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::errand_step)
