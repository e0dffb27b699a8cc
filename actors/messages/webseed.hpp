// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/pulled_file.hpp"
#include "protocol/hub_tree.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

/// Files that origins have. These stay in the process (ADR 5).
namespace shoal {

/// Asks what an origin has under a name.
struct find_origin_file {
  origin_name name;
};

/// The answer. That there is none is an answer, too.
struct origin_file {
  bool found = false;
  std::string error_code; ///< Not found: as the origin says, such as "EntryNotFound". May be empty.
  origin_record what;     ///< Not found: `commit` alone may be known.
  bool is_stale = false;  ///< The origin does not answer; this is what it said before.
};

/// Asks for whoever pulls a file, and begins to pull it if nobody does.
struct open_pull {
  pull_spec what;
};

/// A reader wants bytes. The answer comes when there are some, or after a while without.
struct read_pull {
  uint64_t reader = 0; ///< 0: a new one.
  uint64_t offset = 0;
  uint64_t length = 0; ///< What it still wants.
};

struct pull_progress {
  uint64_t reader = 0;
  uint64_t ready_bytes = 0;          ///< From the offset on, without a gap. 0: none yet.
  std::shared_ptr<pulled_file> file; ///< Null without bytes.
  uint64_t come_bytes = 0; ///< Of all of it; those that are held back and those elsewhere, too.
};

/// A reader goes away.
struct leave_pull {
  uint64_t reader = 0;
};

/// INTERNAL: what other threads have to say to a fetcher.
struct pull_event {
  enum class kind : uint8_t { opened, arrived, ended, finished, synced };

  kind what = kind::opened;
  uint64_t request = 0;
  std::vector<uint32_t> chunks;
  std::optional<origin::failure> failed;
  std::optional<sha256_digest> object; ///< What a finished file has become.
  std::shared_ptr<pulled_file> file;   ///< Of `opened`, `arrived` and `ended`.
};

/// A fetcher to its owner: the file is here, or it will not come.
struct pull_over {
  std::shared_ptr<const pull_spec> what;
  std::optional<sha256_digest> object; ///< Absent: it failed.
  std::optional<error> failed;
};

/// Asks which files a revision has at an origin. `path` is not looked at.
struct list_origin {
  origin_name name;
};

/// The answer. That there is none is an answer, too.
struct origin_listing {
  bool found = false;
  std::string error_code; ///< Not found: as the origin says. May be empty.
  std::string commit;     ///< 40 digits.
  std::shared_ptr<const std::vector<hub_file>> files;
  std::shared_ptr<const repository_card> card = nullptr; ///< Null: the origin says nothing.
};

/// Somebody wants to know of each file of an origin's commit that has come. `rev` of the name is
/// the commit.
struct watch_pulls {
  std::function<void(origin_name, origin_record)> tell; ///< On the web seed's thread.
};

/// INTERNAL: a part of a listing has come, or not.
struct listing_page {
  std::string name;
  std::optional<origin::failure> failed;
  std::string body;
  std::string next; ///< Where the next page is.
};

/// INTERNAL: an origin has said what it has, or not.
struct origin_answer {
  std::string name;
  std::optional<origin::failure> failed;
  origin_head head;
};

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::find_origin_file)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::origin_file)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::open_pull)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::read_pull)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::pull_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::leave_pull)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::pull_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::pull_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::origin_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::list_origin)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::origin_listing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::listing_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::watch_pulls)
