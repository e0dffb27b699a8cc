// SPDX-License-Identifier: Apache-2.0
#include "protocol/swarm_delta.hpp"

#include <array>
#include <utility>

namespace shoal {

namespace {

constexpr uint8_t states = 3;

// What a peer begins with.
constexpr uint8_t state_mask = 3;
constexpr uint8_t completed_flag = 4;
constexpr uint8_t v4_flag = 8;
constexpr uint8_t v6_flag = 16;
constexpr uint8_t id_flag = 32;

constexpr size_t kind_of_peer = 1;
static_assert(std::is_same_v<std::variant_alternative_t<kind_of_peer, swarm_fact>, delta_peer>);

void write(packed_writer& w, const replica_peer& x) {
  packed_flags flags{static_cast<uint8_t>(x.state & state_mask)};
  flags.set(x.completed, completed_flag)
      .set(x.v4.has_value(), v4_flag)
      .set(x.v6.has_value(), v6_flag)
      .set(x.id.has_value(), id_flag);
  w.fixed(flags.value()).fixed(x.identity);
  if (x.v4)
    w.wire(*x.v4);
  if (x.v6)
    w.wire(*x.v6);
  if (x.id)
    w.bytes(x.id->chars());
}

replica_peer read_peer(packed_reader& in) {
  replica_peer x;
  auto flags = in.fixed<uint8_t>();
  x.state = flags & state_mask;
  x.completed = (flags & completed_flag) != 0;
  in.need(x.state < states && (flags & (v4_flag | v6_flag)) != 0 && flags < 2 * id_flag);
  x.identity = in.fixed<uint64_t>();
  if ((flags & v4_flag) != 0)
    x.v4 = in.wire(ip_family::v4);
  if ((flags & v6_flag) != 0) {
    x.v6 = in.wire(ip_family::v6);
    in.need(!x.v6->address.is_v4()); // A mapped address is one of IPv4.
  }
  if ((flags & id_flag) != 0)
    x.id = in.id<peer_id>();
  return x;
}

/// Writes the fields of a fact.
struct field_writer {
  std::string& out;

  template <class F>
  void put(size_t bytes_max, F&& f) const {
    append_packed(out, bytes_max, f);
  }

  void operator()(const delta_swarm& x) const { out += x.hash.chars(); }
  void operator()(const delta_peer& x) const {
    put(delta_peer_bytes_max, [&](packed_writer& w) { write(w, x.peer); });
  }
  void operator()(const delta_gone& x) const {
    put(8, [&](packed_writer& w) { w.fixed(x.identity); });
  }
  void operator()(const delta_numbers& x) const {
    put(2 * packed_number_bytes_max,
        [&](packed_writer& w) { w.number(x.completed).number(x.age_s); });
  }
  void operator()(const delta_cleared&) const {}
  void operator()(const delta_dropped&) const {}
  void operator()(const delta_sync_begin&) const {}
  void operator()(const delta_range& x) const {
    auto bytes = packed_number_bytes_max + (2 + x.swarms.size()) * info_hash::size_bytes;
    put(bytes, [&](packed_writer& w) {
      w.bytes(x.from.chars()).bytes(x.to.chars()).number(x.swarms.size());
      for (auto& hash : x.swarms)
        w.bytes(hash.chars());
    });
  }
  void operator()(const delta_piece& x) const {
    auto bytes = 16 + packed_number_bytes_max + x.peers.size() * delta_peer_bytes_max;
    put(bytes, [&](packed_writer& w) {
      w.fixed(x.from).fixed(x.to).number(x.peers.size());
      for (auto& peer : x.peers)
        write(w, peer);
    });
  }
  void operator()(const delta_sync_end&) const {}
};

void read(packed_reader& in, delta_swarm& x) {
  x.hash = in.id<info_hash>();
}
void read(packed_reader& in, delta_peer& x) {
  x.peer = read_peer(in);
}
void read(packed_reader& in, delta_gone& x) {
  x.identity = in.fixed<uint64_t>();
}
void read(packed_reader& in, delta_numbers& x) {
  x.completed = in.number();
  x.age_s = static_cast<uint32_t>(in.number(UINT32_MAX));
}
void read(packed_reader&, delta_cleared&) {}
void read(packed_reader&, delta_dropped&) {}
void read(packed_reader&, delta_sync_begin&) {}
void read(packed_reader&, delta_sync_end&) {}

void read(packed_reader& in, delta_range& x) {
  x.from = in.id<info_hash>();
  x.to = in.id<info_hash>();
  auto count = in.number(delta_listed_max);
  in.need(x.from <= x.to && in.left() >= count * info_hash::size_bytes);
  for (uint64_t i = 0; in.good() && i < count; ++i) {
    auto hash = in.id<info_hash>();
    in.need(x.from <= hash && hash <= x.to && (i == 0 || x.swarms.back() < hash));
    x.swarms.push_back(hash);
  }
}

void read(packed_reader& in, delta_piece& x) {
  constexpr size_t peer_bytes_min = 1 + 8 + 6;
  x.from = in.fixed<uint64_t>();
  x.to = in.fixed<uint64_t>();
  auto count = in.number(delta_body_bytes_max / peer_bytes_min);
  in.need(x.from <= x.to && in.left() >= count * peer_bytes_min);
  for (uint64_t i = 0; in.good() && i < count; ++i) {
    x.peers.push_back(read_peer(in));
    in.need(x.from <= x.peers.back().identity && x.peers.back().identity <= x.to);
  }
}

template <size_t... Kind>
void read_kind(packed_reader& in, size_t kind, swarm_fact& x, std::index_sequence<Kind...>) {
  auto try_one = [&](auto empty, size_t number) {
    if (kind == number) {
      read(in, empty);
      x = std::move(empty);
    }
  };
  (try_one(std::variant_alternative_t<Kind, swarm_fact>{}, Kind), ...);
}

constexpr uint8_t fresh_flag = 1;

} // namespace

void append_fact(std::string& out, const swarm_fact& x) {
  out.push_back(static_cast<char>(x.index()));
  std::visit(field_writer{out}, x);
}

void append_peer_fact(std::string& out, const replica_peer& x) {
  append_packed(out, 1 + delta_peer_bytes_max, [&](packed_writer& w) {
    w.fixed(uint8_t{kind_of_peer});
    write(w, x);
  });
}

delta_reader::delta_reader(std::string_view body) : in_{body} {
  in_.need(body.size() <= delta_body_bytes_max);
}

bool delta_reader::next(swarm_fact& x) {
  if (in_.left() == 0)
    return false;
  auto kind = in_.fixed<uint8_t>();
  in_.need(kind < std::variant_size_v<swarm_fact>);
  if (in_.good())
    read_kind(in_, kind, x, std::make_index_sequence<std::variant_size_v<swarm_fact>>{});
  return in_.good();
}

// -- batches -----------------------------------------------------------------------

std::string encode(const delta_batch& x) {
  std::string out;
  append_packed(out, 2 + 2 * packed_number_bytes_max + x.body.size(), [&](packed_writer& w) {
    w.fixed(x.slot).fixed(x.fresh ? fresh_flag : uint8_t{0}).number(x.epoch).number(x.number);
    w.bytes(x.body);
  });
  return out;
}

std::optional<delta_batch> decode_delta_batch(std::string_view frame) {
  packed_reader in{frame};
  delta_batch x;
  x.slot = in.fixed<uint8_t>();
  auto flags = in.fixed<uint8_t>();
  x.fresh = flags == fresh_flag;
  x.epoch = in.number();
  x.number = in.number();
  in.need(flags <= fresh_flag && x.epoch != 0 && x.number != 0);
  in.need(in.left() <= delta_body_bytes_max);
  if (!in.good())
    return std::nullopt;
  x.body = in.bytes(in.left());
  return x;
}

std::string encode(const delta_ack& x) {
  std::string out;
  append_packed(out, 2 + 2 * packed_number_bytes_max, [&](packed_writer& w) {
    w.fixed(x.slot).fixed(uint8_t(x.what)).number(x.epoch).number(x.number);
  });
  return out;
}

std::optional<delta_ack> decode_delta_ack(std::string_view frame) {
  packed_reader in{frame};
  delta_ack x;
  x.slot = in.fixed<uint8_t>();
  auto what = in.fixed<uint8_t>();
  x.epoch = in.number();
  x.number = in.number();
  in.need(what < uint8_t(delta_ack::verdict::sentinel_) && in.left() == 0);
  if (!in.good())
    return std::nullopt;
  x.what = delta_ack::verdict{what};
  return x;
}

// -- many of them in one message ---------------------------------------------------

void append_delta_frame(std::string& out, std::string_view frame) {
  append_packed(out, packed_number_bytes_max + frame.size(),
                [&](packed_writer& w) { w.text(frame); });
}

bool delta_frame_reader::next(std::string_view& frame) {
  if (in_.left() == 0)
    return false;
  frame = in_.text(delta_frame_bytes_max);
  return in_.good();
}

} // namespace shoal
