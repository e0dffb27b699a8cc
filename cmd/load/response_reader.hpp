// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace shoal::load {

/// Finds the ends of HTTP/1.x responses in a stream, and what is needed to judge them: no more than
/// that, as it shares the machine with the server. Knows Content-Length and bodies that end with
/// the connection; chunked ones count as broken. Bounded: 64 KiB of header.
class response_reader {
public:
  static constexpr size_t begin_bytes_max = 192; ///< Of each body, for judging it.

  enum class progress : uint8_t {
    more,   ///< All input is used; the response is not complete.
    whole,  ///< A response is complete; the input behind it was left.
    broken, ///< This is no HTTP, or none that this reader knows.
  };

  /// Takes bytes off the front of `input`. After `whole`, the next call begins a new response.
  progress feed(std::string_view& input);

  /// The connection has ended. @returns whether that completed a response.
  bool end() const { return state_ == state::until_end; }

  // Of the response that was read last, from its header on.
  unsigned status() const { return status_; }
  uint64_t body_bytes() const { return body_bytes_; }

  /// The server will close the connection.
  bool closes() const { return closes_; }

  /// The first bytes of the body.
  std::string_view body_begin() const { return {begin_.data(), begin_size_}; }

  /// Whether a response has begun and not ended.
  bool amidst() const { return state_ != state::head || !head_.empty(); }

private:
  enum class state : uint8_t { head, body, until_end, whole };

  progress read_head(std::string_view& input);
  bool parse(std::string_view head);
  void take_body(std::string_view& input, uint64_t count);

  state state_ = state::head;
  bool closes_ = false;
  unsigned status_ = 0;
  uint64_t left_ = 0; ///< Bytes of the body to come.
  uint64_t body_bytes_ = 0;
  size_t begin_size_ = 0;
  std::array<char, begin_bytes_max> begin_{};
  std::string head_; ///< A header that came in pieces.
};

} // namespace shoal::load
