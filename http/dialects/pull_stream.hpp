// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/origin_names.hpp"
#include "http/dialects/stored_bytes.hpp"

namespace shoal::http {

/// One answer whose bytes come from a pull. Its range says what is still to be sent.
struct pulled_answer {
  ranged_answer head;
  origin_name name;
  origin_record what; ///< As the name was found: all nodes that pull it go by this.
  pull_spec from;
  bool going = true; ///< The client wants more.
};

/// @returns the answer to a request for such a file, from its beginning.
pulled_answer pulled_answer_of(exchange& ex, origin_name name, origin_record found,
                               const stored_bytes& what);

/// Sends the rest of an answer from a pull of this node, its head first if that has not been sent:
/// once there is something to send, so that a failure has a status of its own.
/// @errors as webseed_actor and webseed_fetcher_actor; ec::timeout: nothing has come for long.
task<result<void>> pull_here(exchange& ex, pulled_answer& to);

} // namespace shoal::http
