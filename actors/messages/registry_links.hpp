// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/registry.hpp"
#include "cluster/link.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

/// What is said between the registries of nodes, and to the actors that say it.
namespace shoal {

/// A part of a search: what one node has of the slots that were asked for.
struct search_part {
  search_result found;
  slot_filter answered; ///< Those of the slots that it answers for.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_part& x) {
  return f(x.found, x.answered);
}

/// Asks a node for its part of a search, whether or not it owns the slots.
struct near_query {
  search_query query;
  uint64_t revision
      = 0; ///< Of etcd: the copy must be as far, or whoever asks sees less than before.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, near_query& x) {
  return f(x.query, x.revision);
}

struct near_part {
  search_part part;
  uint64_t lag_ms = 0; ///< How old the copy may be; 0: it is as new as can be told.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, near_part& x) {
  return f(x.part, x.lag_ms);
}

/// Asks for several entries by their primary keys.
struct lookup_entries {
  std::vector<std::string> keys; ///< At most limits::registry_entries_max.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lookup_entries& x) {
  return f(x.keys);
}

/// Entries in the order of the keys; those that are gone are left out.
struct entry_list {
  std::vector<registry_entry> entries;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, entry_list& x) {
  return f(x.entries);
}

/// As many of them as one message holds.
struct entry_part {
  std::vector<registry_entry> entries; ///< In any order.
  uint64_t done = 0;                   ///< That many of the keys, from the first, are dealt with.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, entry_part& x) {
  return f(x.entries, x.done);
}

/// A page of what the whole cluster has.
struct search_page {
  search_result found;
  bool exact = true;        ///< Each slot was answered for by its owner.
  uint64_t staleness_s = 0; ///< If not: how old the oldest copy that answered may be.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_page& x) {
  return f(x.found, x.exact, x.staleness_s);
}

/// Asks for a part of an object.
struct object_range {
  sha256_digest object;
  uint64_t offset = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_range& x) {
  return f(x.object, x.offset);
}

struct object_piece {
  uint64_t size_bytes = 0; ///< Of the object.
  std::string bytes;       ///< From the offset on, at most limits::object_piece_bytes_max.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_piece& x) {
  return f(x.size_bytes, x.bytes);
}

/// Asks a node to keep these objects too, which the asker has.
struct adopt_objects {
  std::vector<sha256_digest> objects;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, adopt_objects& x) {
  return f(x.objects);
}

/// Sees to it that a small object is at this node. Errors: ec::not_found (nobody has it),
/// ec::unavailable, ec::too_large, ec::busy, ec::storage_*.
struct fetch_object {
  sha256_digest object;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fetch_object& x) {
  return f(x.object);
}

/// Sees to it that the objects that a record names are where the record is going to be: here, at
/// its slot's owner, and at the standby if that can be reached. Errors: as fetch_object.
struct keep_objects {
  std::vector<sha256_digest> objects;
  std::optional<sha256_digest> manifest; ///< One of them, which names others.
  std::string source;                    ///< The node that has them; empty: this one.
  uint32_t slot = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, keep_objects& x) {
  return f(x.objects, x.manifest, x.source, x.slot);
}

/// The answer to a write at another node.
struct written_answer {
  uint64_t revision = 0; ///< Of etcd: where the owner's copy stands, which has the write.
  std::string body;      ///< An archive of the reply, or empty.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, written_answer& x) {
  return f(x.revision, x.body);
}

/// What became of a question to another node.
struct remote_answer {
  uint64_t ticket = 0;
  uint8_t code = 0; ///< Of the error; 0: there is an answer.
  std::string text; ///< The answer, or the error's detail.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, remote_answer& x) {
  return f(x.ticket, x.code, x.text);
}

/// A question of another node.
struct link_question {
  std::string from;
  uint16_t kind = 0;
  std::string body;
  mono_time deadline{};
  cluster::link_reply reply;
};

/// INTERNAL: time to try something again.
struct try_again {
  uint64_t ticket = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, try_again& x) {
  return f(x.ticket);
}

} // namespace shoal

// It holds the way back, which is of this process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::link_question)
