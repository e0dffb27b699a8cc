// SPDX-License-Identifier: Apache-2.0
#include "protocol/link_announce.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr uint64_t bytes_max = std::numeric_limits<int64_t>::max();
constexpr size_t client_name_bytes = 8;

constexpr uint8_t forwarded_flag = 1;

// The first byte of an announce.
constexpr uint8_t event_mask = 7;
constexpr uint8_t v6_flag = 8;
constexpr uint8_t with_ids_flag = 16;
constexpr uint8_t own_family_flag = 32;
constexpr uint8_t user_flag = 64;
constexpr uint8_t whole_id_flag = 128;
static_assert(uint8_t(announce_event::announce_event_sentinel_) <= event_mask + 1);

constexpr size_t announce_bytes_max = 1 + info_hash::size_bytes + 18 + 8 + peer_id::size_bytes
                                      + 5 * packed_number_bytes_max + limits::user_id_bytes_max;

// The byte after an answer's ticket.
constexpr uint8_t verdict_mask = 3;
constexpr uint8_t ids_flag = 4;
constexpr size_t answer_head_bytes_max = 4 + 1 + 6 * packed_number_bytes_max;

constexpr size_t numbers_bytes_max = 4 * packed_number_bytes_max;

uint8_t flags_of(const link_announce& x) {
  return packed_flags{static_cast<uint8_t>(x.event)}
      .set(!x.peer.address.is_v4(), v6_flag)
      .set(x.with_ids, with_ids_flag)
      .set(x.own_family_only, own_family_flag)
      .set(!x.user.empty(), user_flag)
      .set(x.whole_id, whole_id_flag)
      .value();
}

/// The items of a body: at most `max`, and then nothing else.
bool another(packed_reader& in, uint32_t& size, size_t max) {
  if (in.left() == 0)
    return false;
  in.need(++size <= max);
  return in.good();
}

} // namespace

// -- announces ---------------------------------------------------------------------

link_announce_writer::link_announce_writer(std::string& out, uint32_t first, bool forwarded)
    : out_{out}, first_{first} {
  out_.clear();
  append_packed(out_, 1 + sizeof(first), [&](packed_writer& w) {
    w.fixed(forwarded ? forwarded_flag : uint8_t{0}).fixed(first);
  });
}

std::optional<uint32_t> link_announce_writer::add(const link_announce& x) {
  if (size_ == link_announces_max || out_.size() + announce_bytes_max > link_body_bytes_max)
    return std::nullopt;
  append_packed(out_, announce_bytes_max, [&](packed_writer& w) {
    w.fixed(flags_of(x)).bytes(x.swarm.chars()).wire(x.peer).fixed(x.identity);
    w.bytes(x.whole_id ? x.id.chars() : x.id.chars().substr(0, client_name_bytes));
    w.number(std::min<uint64_t>(x.numwant, limits::numwant_max));
    w.number(std::min(x.left_bytes, bytes_max));
    if (!x.user.empty())
      w.text(x.user.substr(0, limits::user_id_bytes_max))
          .number(std::min(x.uploaded_bytes, bytes_max))
          .number(std::min(x.downloaded_bytes, bytes_max));
  });
  return first_ + size_++;
}

link_announce_reader::link_announce_reader(std::string_view body) : in_{body} {
  in_.need(body.size() <= link_body_bytes_max);
  auto flags = in_.fixed<uint8_t>();
  in_.need(flags <= forwarded_flag);
  forwarded_ = flags == forwarded_flag;
  ticket_ = in_.fixed<uint32_t>();
}

bool link_announce_reader::next(link_announce& x) {
  if (!another(in_, size_, link_announces_max))
    return false;
  auto flags = in_.fixed<uint8_t>();
  auto event = static_cast<uint8_t>(flags & event_mask);
  in_.need(event < uint8_t(announce_event::announce_event_sentinel_));
  x.ticket = ticket_++;
  x.event = announce_event{event};
  x.with_ids = (flags & with_ids_flag) != 0;
  x.own_family_only = (flags & own_family_flag) != 0;
  x.whole_id = (flags & whole_id_flag) != 0;
  x.swarm = in_.id<info_hash>();
  x.peer = in_.wire((flags & v6_flag) != 0 ? ip_family::v6 : ip_family::v4);
  x.identity = in_.fixed<uint64_t>();
  x.id = {};
  auto id = in_.bytes(x.whole_id ? peer_id::size_bytes : client_name_bytes);
  std::copy(id.begin(), id.end(), x.id.bytes.begin());
  x.numwant = static_cast<uint32_t>(in_.number(limits::numwant_max));
  x.left_bytes = in_.number(bytes_max);
  auto booked = (flags & user_flag) != 0;
  x.user = booked ? in_.text(limits::user_id_bytes_max) : std::string_view{};
  in_.need(booked == !x.user.empty());
  x.uploaded_bytes = booked ? in_.number(bytes_max) : 0;
  x.downloaded_bytes = booked ? in_.number(bytes_max) : 0;
  return in_.good();
}

// -- answers -----------------------------------------------------------------------

void append_link_answer(std::string& out, const link_answer& x) {
  auto peers4 = std::min<size_t>(x.peers4.size() / 6, limits::numwant_max);
  auto peers6 = std::min<size_t>(x.peers6.size() / 18, limits::numwant_max);
  auto with_ids = !x.ids.empty() && x.ids.size() == (peers4 + peers6) * peer_id::size_bytes;
  auto bytes = answer_head_bytes_max + peers4 * 6 + peers6 * 18 + x.ids.size();
  append_packed(out, bytes, [&](packed_writer& w) {
    w.fixed(x.ticket).fixed(uint8_t(uint8_t(x.verdict) | (with_ids ? ids_flag : 0)));
    if (x.verdict != link_verdict::answered)
      return;
    w.number(x.interval_s).number(x.complete).number(x.incomplete).number(x.downloaded);
    w.number(peers4).number(peers6);
    w.bytes(x.peers4.substr(0, peers4 * 6)).bytes(x.peers6.substr(0, peers6 * 18));
    if (with_ids)
      w.bytes(x.ids);
  });
}

bool link_answer_reader::next(link_answer& x) {
  if (!another(in_, size_, link_answers_max))
    return false;
  x = {};
  x.ticket = in_.fixed<uint32_t>();
  auto flags = in_.fixed<uint8_t>();
  auto verdict = static_cast<uint8_t>(flags & verdict_mask);
  in_.need(verdict < uint8_t(link_verdict::link_verdict_sentinel_)
           && (flags & ~(verdict_mask | ids_flag)) == 0);
  x.verdict = link_verdict{verdict};
  if (x.verdict != link_verdict::answered) {
    in_.need((flags & ids_flag) == 0);
    return in_.good();
  }
  x.interval_s = static_cast<uint32_t>(in_.number(UINT32_MAX));
  x.complete = static_cast<uint32_t>(in_.number(UINT32_MAX));
  x.incomplete = static_cast<uint32_t>(in_.number(UINT32_MAX));
  x.downloaded = in_.number();
  auto peers4 = static_cast<size_t>(in_.number(limits::numwant_max));
  auto peers6 = static_cast<size_t>(in_.number(limits::numwant_max));
  x.peers4 = in_.bytes(peers4 * 6);
  x.peers6 = in_.bytes(peers6 * 18);
  if ((flags & ids_flag) != 0) {
    in_.need(peers4 + peers6 > 0);
    x.ids = in_.bytes((peers4 + peers6) * peer_id::size_bytes);
  }
  return in_.good();
}

// -- scrapes -----------------------------------------------------------------------

void append_link_scrape(std::string& out, const link_scrape& x) {
  auto count = std::min(x.swarms.size(), limits::scrape_hashes_max);
  auto bytes = 4 + packed_number_bytes_max + count * info_hash::size_bytes;
  append_packed(out, bytes, [&](packed_writer& w) {
    w.fixed(x.ticket).number(count);
    for (auto& hash : x.swarms.first(count))
      w.bytes(hash.chars());
  });
}

bool link_scrape_reader::next(link_scraped& x) {
  if (!another(in_, size_, link_scrapes_max))
    return false;
  x.ticket = in_.fixed<uint32_t>();
  auto count = static_cast<size_t>(in_.number(limits::scrape_hashes_max));
  in_.need(count > 0 && in_.left() >= count * info_hash::size_bytes);
  x.swarms.clear();
  for (size_t i = 0; in_.good() && i < count; ++i)
    x.swarms.push_back(in_.id<info_hash>());
  return in_.good();
}

void append_link_scrape_answer(std::string& out, const link_scrape_answer& x) {
  auto count = std::min(x.numbers.size(), limits::scrape_hashes_max);
  auto bytes = 4 + packed_number_bytes_max + count * numbers_bytes_max;
  append_packed(out, bytes, [&](packed_writer& w) {
    w.fixed(x.ticket).number(count);
    for (auto& n : std::span{x.numbers}.first(count))
      w.number(n.complete).number(n.incomplete).number(n.downloaders).number(n.downloaded);
  });
}

bool link_scrape_answer_reader::next(link_scrape_answer& x) {
  if (!another(in_, size_, link_scrapes_max))
    return false;
  x.ticket = in_.fixed<uint32_t>();
  auto count = static_cast<size_t>(in_.number(limits::scrape_hashes_max));
  x.numbers.clear();
  for (size_t i = 0; in_.good() && i < count; ++i) {
    link_numbers n;
    n.complete = static_cast<uint32_t>(in_.number(UINT32_MAX));
    n.incomplete = static_cast<uint32_t>(in_.number(UINT32_MAX));
    n.downloaders = static_cast<uint32_t>(in_.number(UINT32_MAX));
    n.downloaded = in_.number();
    x.numbers.push_back(n);
  }
  return in_.good();
}

} // namespace shoal
