// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/response_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <strings.h>

namespace shoal::load {

namespace {

constexpr size_t head_bytes_max = 64 * 1024;
constexpr uint64_t no_length = UINT64_MAX;

/// @returns the value if `line` is the header `name` (which ends with a colon).
std::string_view value_of(std::string_view line, std::string_view name) {
  if (line.size() < name.size() || (line[0] | 0x20) != (name[0] | 0x20)
      || ::strncasecmp(line.data(), name.data(), name.size()) != 0)
    return {};
  line.remove_prefix(name.size());
  while (!line.empty() && line.front() == ' ')
    line.remove_prefix(1);
  return line;
}

bool is(std::string_view text, std::string_view word) {
  return text.size() == word.size() && ::strncasecmp(text.data(), word.data(), word.size()) == 0;
}

} // namespace

response_reader::progress response_reader::feed(std::string_view& input) {
  if (state_ == state::whole)
    state_ = state::head;
  if (state_ == state::head) {
    if (auto got = read_head(input); got != progress::whole)
      return got;
    body_bytes_ = begin_size_ = 0;
    state_ = left_ == no_length ? state::until_end : state::body;
  }
  take_body(input, std::min<uint64_t>(left_, input.size()));
  if (state_ == state::until_end || left_ > 0)
    return progress::more;
  state_ = state::whole;
  return progress::whole;
}

void response_reader::take_body(std::string_view& input, uint64_t count) {
  auto wanted = std::min<size_t>(count, begin_.size() - begin_size_);
  std::memcpy(begin_.data() + begin_size_, input.data(), wanted);
  begin_size_ += wanted;
  body_bytes_ += count;
  if (left_ != no_length)
    left_ -= count;
  input.remove_prefix(count);
}

response_reader::progress response_reader::read_head(std::string_view& input) {
  constexpr std::string_view end_mark = "\r\n\r\n";
  if (head_.empty()) { // Nearly always: one segment has it all, and nothing is copied.
    auto end = input.find(end_mark);
    if (end != std::string_view::npos) {
      auto sound = parse(input.substr(0, end + 2));
      input.remove_prefix(end + end_mark.size());
      return sound ? progress::whole : progress::broken;
    }
  }
  auto searched = head_.size() < end_mark.size() ? 0 : head_.size() - end_mark.size();
  auto before = head_.size();
  head_ += input;
  auto end = head_.find(end_mark, searched);
  if (end == std::string::npos) {
    input.remove_prefix(input.size());
    return head_.size() > head_bytes_max ? progress::broken : progress::more;
  }
  input.remove_prefix(end + end_mark.size() - before);
  auto sound = parse(std::string_view{head_}.substr(0, end + 2));
  head_.clear();
  return sound ? progress::whole : progress::broken;
}

bool response_reader::parse(std::string_view head) {
  left_ = no_length;
  if (head.size() < 14 || !head.starts_with("HTTP/1."))
    return false;
  closes_ = head[7] == '0';
  if (std::from_chars(head.data() + 9, head.data() + 12, status_).ptr != head.data() + 12)
    return false;
  for (auto at = head.find('\n') + 1; at < head.size();) {
    auto end = head.find('\r', at);
    auto line = head.substr(at, end - at);
    if (auto length = value_of(line, "content-length:"); !length.empty()) {
      auto* last = length.data() + length.size();
      if (auto [stop, failed] = std::from_chars(length.data(), last, left_);
          failed != std::errc{} || stop != last || left_ == no_length)
        return false;
    } else if (auto words = value_of(line, "connection:"); !words.empty()) {
      closes_ = is(words, "close") || (closes_ && !is(words, "keep-alive"));
    } else if (!value_of(line, "transfer-encoding:").empty()) {
      return false;
    }
    at = end == std::string_view::npos ? head.size() : end + 2;
  }
  if (status_ < 200 || status_ == 204 || status_ == 304)
    left_ = 0; // @source RFC 9112 6.3
  closes_ |= left_ == no_length;
  return true;
}

} // namespace shoal::load
