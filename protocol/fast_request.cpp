// SPDX-License-Identifier: Apache-2.0
#include "protocol/fast_request.hpp"

#include "protocol/text.hpp"

#include <algorithm>
#include <utility>

namespace shoal {

namespace {

constexpr std::string_view start = "GET /announce";
constexpr std::string_view version_1_1 = "HTTP/1.1\r\n";
constexpr std::string_view version_1_0 = "HTTP/1.0\r\n";

enum char_class : uint8_t {
  in_token = 1,   ///< Of a header's name.
  in_target = 2,  ///< Of a path or a query.
  in_value = 4,   ///< Of a header's value.
  in_passkey = 8, ///< Needs no decoding.
};

constexpr auto make_classes() {
  std::array<uint8_t, 256> classes{};
  for (unsigned c = 0x21; c < 0x7f; ++c)
    classes[c] = in_target | in_value;
  classes[' '] = in_value;
  classes['\t'] = in_value;
  classes['#'] = in_value; // A fragment has no place in a request.
  auto add = [&](std::string_view chars, uint8_t what) {
    for (auto c : chars)
      classes[static_cast<uint8_t>(c)] |= what;
  };
  constexpr std::string_view letters
      = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  add(letters, in_token | in_passkey);
  add("-._~", in_token | in_passkey);
  add("!#$%&'*+^`|", in_token);
  return classes;
}

constexpr auto classes = make_classes();

bool is(char c, char_class what) {
  return (classes[static_cast<uint8_t>(c)] & what) != 0;
}

/// @returns the number of leading characters of that class.
size_t span_of(std::string_view from, char_class what) {
  auto end = std::find_if(from.begin(), from.end(), [what](char c) { return !is(c, what); });
  return static_cast<size_t>(end - from.begin());
}

/// Reads a request from the front of `left_`.
class scanner {
public:
  scanner(std::string_view bytes, fast_request& out) : left_{bytes}, out_{out} {}

  fast_verdict scan() {
    auto size = left_.size();
    if (auto verdict = request_line(); verdict != fast_verdict::yes)
      return verdict;
    while (!left_.starts_with("\r\n")) {
      if (left_.empty() || left_ == "\r")
        return fast_verdict::more;
      if (auto verdict = header(); verdict != fast_verdict::yes)
        return verdict;
    }
    left_.remove_prefix(2);
    out_.size = size - left_.size();
    return fast_verdict::yes;
  }

private:
  fast_verdict request_line() {
    if (!left_.starts_with(start))
      return start.starts_with(left_) ? fast_verdict::more : fast_verdict::no;
    left_.remove_prefix(start.size());
    auto length = span_of(left_, in_target);
    auto target = left_.substr(0, length);
    left_.remove_prefix(length);
    if (left_.empty())
      return may_be_target(target) ? fast_verdict::more : fast_verdict::no;
    if (left_.front() != ' ' || !split(target))
      return fast_verdict::no;
    left_.remove_prefix(1);
    out_.keep_alive = left_.starts_with(version_1_1);
    if (!out_.keep_alive && !left_.starts_with(version_1_0))
      return version_1_1.starts_with(left_) || version_1_0.starts_with(left_) ? fast_verdict::more
                                                                              : fast_verdict::no;
    left_.remove_prefix(version_1_1.size());
    old_ = !out_.keep_alive;
    return fast_verdict::yes;
  }

  static bool may_be_target(std::string_view target) {
    return target.empty() || target.front() == '?' || target.front() == '/';
  }

  /// @param target what follows "/announce".
  bool split(std::string_view target) {
    auto mark = std::min(target.find('?'), target.size());
    auto path = target.substr(0, mark);
    out_.query = target.substr(std::min(mark + 1, target.size()));
    out_.passkey = path.substr(std::min<size_t>(1, path.size()));
    if (path.empty())
      return true;
    return path.front() == '/' && !out_.passkey.empty()
           && span_of(out_.passkey, in_passkey) == out_.passkey.size();
  }

  fast_verdict header() {
    auto length = span_of(left_, in_token);
    auto name = left_.substr(0, length);
    auto rest = left_.substr(length);
    if (rest.empty())
      return fast_verdict::more;
    if (name.empty() || rest.front() != ':')
      return fast_verdict::no;
    rest.remove_prefix(1);
    auto value = rest.substr(0, span_of(rest, in_value));
    rest.remove_prefix(value.size());
    if (rest.empty() || rest == "\r")
      return fast_verdict::more;
    if (!rest.starts_with("\r\n"))
      return fast_verdict::no;
    rest.remove_prefix(2);
    // What follows decides whether the value goes on in the next line.
    if (rest.empty())
      return fast_verdict::more;
    if (rest.front() == ' ' || rest.front() == '\t')
      return fast_verdict::no;
    left_ = rest;
    return take(name, text::trim(value)) ? fast_verdict::yes : fast_verdict::no;
  }

  bool take(std::string_view name, std::string_view value) {
    switch (name.size()) {
    case 4:
      return !text::equals_nocase(name, "host") || !std::exchange(has_host_, true);
    case 6:
      return !text::equals_nocase(name, "expect");
    case 7:
      return !text::equals_nocase(name, "upgrade");
    case 10:
      return !text::equals_nocase(name, "connection") || take_connection(value);
    case 14:
      return !text::equals_nocase(name, "content-length");
    case 15:
      return !text::equals_nocase(name, "x-forwarded-for") || take_forwarded(value);
    case 16:
      return !text::equals_nocase(name, "proxy-connection");
    case 17:
      return !text::equals_nocase(name, "transfer-encoding");
    default:
      return true;
    }
  }

  bool take_connection(std::string_view value) {
    if (std::exchange(has_connection_, true))
      return false;
    auto closes = text::equals_nocase(value, "close");
    // HTTP/1.0 clients would have to be told that the connection stays open: it does not.
    out_.keep_alive = !closes && !old_;
    return closes || text::equals_nocase(value, "keep-alive");
  }

  bool take_forwarded(std::string_view value) {
    if (out_.forwarded_count == out_.forwarded_headers.size())
      return false;
    out_.forwarded_headers[out_.forwarded_count++] = value;
    return true;
  }

  std::string_view left_;
  fast_request& out_;
  bool old_ = false; // HTTP/1.0
  bool has_host_ = false;
  bool has_connection_ = false;
};

} // namespace

fast_verdict scan_fast_request(std::string_view bytes, fast_request& out) {
  out = {};
  auto verdict = scanner{bytes.substr(0, fast_request_bytes_max), out}.scan();
  if (verdict == fast_verdict::more && bytes.size() >= fast_request_bytes_max)
    return fast_verdict::no;
  return verdict;
}

} // namespace shoal
