// SPDX-License-Identifier: Apache-2.0
#include "protocol/event_stream.hpp"

#include "core/limits.hpp"

namespace shoal {

std::string encode_event(const server_event& event) {
  std::string out;
  if (!event.id.empty())
    out += "id: " + event.id + '\n';
  if (!event.name.empty())
    out += "event: " + event.name + '\n';
  for (std::string_view rest = event.data;;) {
    const auto end = rest.find('\n');
    out.append("data: ").append(rest.substr(0, end)) += '\n';
    if (end == std::string_view::npos)
      break;
    rest.remove_prefix(end + 1);
  }
  return out + '\n';
}

bool event_reader::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() + event_.data.size() > limits::json_body_bytes_max)
      return false;
    if (end == std::string_view::npos)
      return true;
    bytes.remove_prefix(end + 1);
    std::string_view line = line_;
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    take_line(line);
    line_.clear();
  }
  return true;
}

void event_reader::take_line(std::string_view line) {
  if (line.empty()) {
    if (has_data_)
      tell_(event_);
    event_ = {};
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' '))
    value.remove_prefix(1);
  if (field == "id") {
    event_.id = value;
  } else if (field == "event") {
    event_.name = value;
  } else if (field == "data") {
    if (has_data_)
      event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  }
}

} // namespace shoal
