// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/dialects/pull_stream.hpp"

/// Files that one node of the cluster pulls for all (ADR 29).
namespace shoal::http {

/// Sends an answer from a pull: of this node if it is the file's home or alone, else through here
/// from the home; what fails in the middle is taken up by the next home at the offset reached.
/// @errors as pull_here; ec::busy: too many streams from other nodes.
task<result<void>> pull_anywhere(exchange& ex, pulled_answer& to);

/// How a home is asked for a file on the port for nodes: "/pulls?kind=...&id=...&...".
std::string pull_target(const origin_name& name, const origin_record& what);

/// A file of an origin, as another node has found it.
struct asked_pull {
  origin_name name;
  origin_record what;
};

/// Reads the query of such a target. @errors ec::invalid_argument.
result<asked_pull> read_pull_target(std::string_view query);

} // namespace shoal::http
