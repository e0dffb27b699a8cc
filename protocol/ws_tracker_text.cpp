// SPDX-License-Identifier: Apache-2.0
// What is said over the WebSocket tracker, as JSON.
#include "protocol/ws_tracker.hpp"

#include <array>
#include <charconv>
#include <cstring>

namespace shoal {

namespace {

bool is_plain(uint8_t c) {
  return c >= 0x20 && c != '"' && c != '\\';
}

void append_escaped(std::string& out, uint8_t c) {
  if (c == '"' || c == '\\') {
    out += '\\';
    out += static_cast<char>(c);
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else {
    static constexpr std::string_view digits = "0123456789abcdef";
    out += "\\u00";
    out += digits[c >> 4];
    out += digits[c & 15];
  }
}

/// @returns how many bytes from `begin` on need no escape. Looks at eight at a time.
size_t plain_run(std::string_view text, size_t begin) {
  constexpr uint64_t ones = 0x0101010101010101;
  constexpr uint64_t tops = 0x8080808080808080;
  auto has_zero = [](uint64_t x) { return (x - ones) & ~x & tops; };
  auto i = begin;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t eight;
    std::memcpy(&eight, text.data() + i, 8);
    auto control = (eight - ones * 0x20) & ~eight & tops;
    if ((control | has_zero(eight ^ ones * '"') | has_zero(eight ^ ones * '\\')) != 0)
      break; // Maybe not at once: a borrow makes the next byte look like one, too.
  }
  while (i < text.size() && is_plain(static_cast<uint8_t>(text[i])))
    ++i;
  return i - begin;
}

/// @param text UTF-8.
void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size(); ++i) {
    auto run = plain_run(text, i);
    out.append(text, i, run);
    i += run;
    if (i < text.size())
      append_escaped(out, static_cast<uint8_t>(text[i]));
  }
  out += '"';
}

/// How a byte of an id is written: at most six characters, and their number in the last place.
using written_byte = std::array<char, 8>;

std::array<written_byte, 256> make_written_bytes() {
  std::array<written_byte, 256> all{};
  for (size_t i = 0; i < all.size(); ++i) {
    auto c = static_cast<uint8_t>(i);
    std::string text;
    if (c >= 0x80)
      text = {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
    else if (is_plain(c))
      text = static_cast<char>(c);
    else
      append_escaped(text, c);
    std::copy(text.begin(), text.end(), all[i].begin());
    all[i].back() = static_cast<char>(text.size());
  }
  return all;
}

/// Without a branch for each byte, as `id_of`.
template <class Id>
void append_id(std::string& out, const Id& id) {
  static const auto written = make_written_bytes();
  std::array<char, 6 * Id::size_bytes + sizeof(written_byte)> text;
  size_t n = 0;
  for (auto c : id.bytes) {
    std::memcpy(text.data() + n, written[c].data(), sizeof(written_byte));
    n += static_cast<size_t>(written[c].back());
  }
  out += '"';
  out.append(text.data(), n);
  out += '"';
}

void append_number(std::string& out, uint64_t number) {
  std::array<char, 20> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

std::string_view name(ws_action action) {
  constexpr std::array<std::string_view, 3> names{"announce", "scrape", "agent"};
  return names[static_cast<size_t>(action)];
}

void append_description(std::string& out, const info_hash& swarm, const peer_id& from,
                        const ws_offer& what, std::string_view type) {
  out += R"({"action":"announce",")";
  out += type;
  out += R"(":{"type":")";
  out += type;
  out += R"(","sdp":)";
  append_text(out, what.sdp);
  out += R"(},"offer_id":)";
  append_id(out, what.id);
  out += R"(,"peer_id":)";
  append_id(out, from);
  out += R"(,"info_hash":)";
  append_id(out, swarm);
  out += '}';
}

} // namespace

void append_ws_reply(std::string& out, const ws_reply& reply) {
  out += R"({"action":"announce","interval":)";
  append_number(out, reply.interval_s);
  out += R"(,"info_hash":)";
  append_id(out, reply.swarm);
  out += R"(,"complete":)";
  append_number(out, reply.complete);
  out += R"(,"incomplete":)";
  append_number(out, reply.incomplete);
  out += '}';
}

void append_ws_offer(std::string& out, const info_hash& swarm, const peer_id& from,
                     const ws_offer& offer) {
  append_description(out, swarm, from, offer, "offer");
}

void append_ws_answer(std::string& out, const info_hash& swarm, const peer_id& from,
                      const ws_offer& answer) {
  append_description(out, swarm, from, answer, "answer");
}

void append_ws_scrape(std::string& out, std::span<const ws_scrape_entry> entries,
                      uint32_t min_interval_s) {
  out += R"({"action":"scrape","files":{)";
  for (auto& entry : entries) {
    if (&entry != entries.data())
      out += ',';
    append_id(out, entry.swarm);
    out += R"(:{"complete":)";
    append_number(out, entry.complete);
    out += R"(,"incomplete":)";
    append_number(out, entry.incomplete);
    out += R"(,"downloaded":)";
    append_number(out, entry.downloaded);
    out += '}';
  }
  out += R"(},"flags":{"min_request_interval":)";
  append_number(out, min_interval_s);
  out += "}}";
}

void append_ws_agent_reply(std::string& out, uint32_t interval_s) {
  out += R"({"action":"agent","interval":)";
  append_number(out, interval_s);
  out += '}';
}

void append_ws_agent(std::string& out, const ws_agent& agent) {
  out += R"({"action":"agent","name":)";
  append_text(out, agent.name);
  out += R"(,"zone":)";
  append_text(out, agent.zone);
  auto number = [&out](std::string_view key, uint64_t value) {
    out.append(",\"").append(key).append("\":");
    append_number(out, value);
  };
  number("capacity", agent.capacity_bytes_per_second);
  number("sent", agent.sent_bytes);
  number("sending", agent.sent_bytes_per_second);
  number("port", agent.port);
  out += R"(,"swarms":[)";
  for (auto& x : agent.swarms) {
    out += out.back() == '[' ? "" : ",";
    out.append(R"({"info_hash":")").append(x.swarm.hex()).append("\"");
    number("have", x.have_bytes);
    number("size", x.size_bytes);
    out += '}';
  }
  out += "]}";
}

void append_ws_failure(std::string& out, const ws_fault& fault) {
  out += R"({"action":")";
  out += name(fault.action);
  out += R"(","failure reason":)";
  append_text(out, fault.reason);
  if (fault.swarm) {
    out += R"(,"info_hash":)";
    append_id(out, *fault.swarm);
  }
  out += '}';
}

} // namespace shoal
