// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/load/plan.hpp"
#include "cmd/load/response_reader.hpp"

#include <optional>
#include <string>

namespace shoal::load {

/// Writes requests as common clients write them, and judges the answers.
class http_requests {
public:
  /// @param host for the Host header.
  http_requests(const load_options& options, const endpoint& host);

  void append_announce(std::string& out, const planned_request& request, const population& all);

  /// Asks for `options.scrape_hashes` swarms from the one of the request on.
  void append_scrape(std::string& out, const planned_request& request, const population& all);

  /// One of the paths of --get, in turn.
  void append_get(std::string& out);

  /// The start of a WebSocket connection. @source RFC 6455 4.1
  void append_upgrade(std::string& out) const;

private:
  const load_options& options_;
  std::string announce_begin_; ///< "GET /announce?info_hash="
  std::string announce_middle_;
  std::string scrape_begin_;
  std::string end_; ///< " HTTP/1.1", headers, empty line.
  std::string upgrade_;
  size_t next_path_ = 0;
};

/// What is wrong with an answer, judged by its beginning.
/// @param peers_received grows by the addresses in an announce's answer.
std::optional<trouble> judge(request_kind asked, const response_reader& answer,
                             uint64_t& peers_received);

/// Appends bytes as a URL has them: unreserved characters as they are, others as "%XX".
void append_escaped(std::string& out, std::string_view bytes);

} // namespace shoal::load
