// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/object_places.hpp"
#include "cluster/link_tls.hpp"
#include "core/clock.hpp"
#include "core/defaults.hpp"
#include "core/error.hpp"
#include "http/bulk_side.hpp"
#include "http/stream.hpp"

#include <boost/beast/core/flat_buffer.hpp>

#include <memory>
#include <span>
#include <unordered_set>

namespace shoal::http {

class object_source;

/// Bytes that are asked of another node.
struct bulk_request {
  std::string target;      ///< "/objects/...".
  uint64_t size_bytes = 0; ///< Of all that is there under that name.
  uint64_t offset = 0;
  uint64_t length = 0;                                             ///< Above 0.
  std::chrono::milliseconds stall = defaults::object_source_stall; ///< Without a byte.
};

bulk_request request_for(const object_part& part);

/// With the name of an error: why a node does not give what it was asked for.
inline constexpr std::string_view bulk_error_header = "X-Shoal-Error";

/// The sources of an edge, for its sweeps.
using source_set = std::unordered_set<object_source*>;

/// A connection to another node that brings parts of objects, one after the other. Deadlines are
/// not timers, as with `connection`: the edge cuts what is overdue. On the edge's thread.
class object_source {
public:
  /// @param all lists it for as long as it lives.
  object_source(asio::io_context& io, source_set& all, const object_place& where);
  ~object_source();
  object_source(const object_source&) = delete;
  object_source& operator=(const object_source&) = delete;

  const std::string& node() const { return node_; }
  const std::string& address() const { return address_; }

  /// @param context null: plain. The node must show a certificate for its name.
  /// @errors ec::unavailable, ec::timeout (it may only be slow), ec::unauthorized (it is not that
  /// node).
  task<result<void>> connect(cluster::link_context context);

  /// Asks for what `read_some` gives then. @errors as `connect`, and what the node itself says.
  task<result<void>> ask(bulk_request what);
  task<result<void>> ask(object_part part) { return ask(request_for(part)); }

  /// Whether the last error was the node's own word.
  bool has_refused() const { return refused_; }

  /// Reads some of what was asked for, at least a byte. @errors ec::unavailable, ec::timeout.
  task<result<size_t>> read_some(std::span<char> out);

  /// Whether it may be asked again.
  bool reusable() const { return keep_alive_ && left_ == 0 && buffer_.size() == 0; }

  bool overdue(mono_time now) const { return waiting_ && now > deadline_; }

  /// Makes every pending operation fail.
  void cut();

private:
  using error_code = boost::system::error_code;

  task<result<std::vector<asio::ip::tcp::endpoint>>> resolve();
  task<result<void>> open_socket();
  task<result<void>> send(std::string_view bytes);
  task<result<void>> read_head(const bulk_request& what);

  void wait(std::chrono::milliseconds patience);
  result<void> over(const error_code& failed);

  source_set& all_;
  std::string node_;
  std::string address_;
  asio::ip::basic_resolver<asio::ip::tcp, executor> resolver_;
  stream stream_;
  boost::beast::flat_buffer buffer_; ///< Of the answer, not yet read.
  uint64_t left_ = 0;                ///< Of the body.
  std::chrono::milliseconds stall_{};
  bool keep_alive_ = false;
  bool refused_ = false;
  bool waiting_ = false; ///< For the other node.
  bool cut_ = false;
  mono_time deadline_{};
};

} // namespace shoal::http
