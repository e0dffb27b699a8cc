// SPDX-License-Identifier: Apache-2.0
// The snapshot of a swarm, little endian:
//
//     u8 version | u8 with_ids | u64 completed | u32 v4 | u32 v6 | u32 completers | u32 bases
//     v4 and v6 times: wire (6 or 18) | u64 identity | u16 seconds left | u8 flags | id (20)?
//     completers times: u64 identity
//     bases times: u64 identity | u64 uploaded | u64 downloaded | u16 seconds left | u8 family
//
// Identities are keyed hashes: they mean something only as long as the caller's key lives.
#include "actors/peer_table.hpp"
#include "actors/peer_table_extras.hpp"

#include <algorithm>
#include <concepts>
#include <cstring>

namespace shoal {

namespace {

constexpr uint8_t version = 1;
constexpr uint8_t stored_flags = peer_list::flag_state_mask | peer_list::flag_completed;

template <std::unsigned_integral T>
void put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    out.push_back(char(uint8_t(value >> (8 * i))));
}

uint16_t seconds_left(coarse_seconds deadline, coarse_seconds now) {
  return deadline <= now ? uint16_t{0} : uint16_t(std::min(deadline - now, 65'535u));
}

} // namespace

/// Reads what `put` wrote; after the first failure everything fails.
class peer_table::snapshot_reader {
public:
  explicit snapshot_reader(std::string_view bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  bool get(T& value) {
    uint8_t raw[sizeof(T)];
    if (!get_bytes(raw, sizeof(T)))
      return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof(T); ++i)
      sum |= uint64_t{raw[i]} << (8 * i);
    value = T(sum);
    return true;
  }

  bool get_bytes(uint8_t* out, size_t count) {
    if (rest_.size() < count) {
      rest_ = {};
      return false;
    }
    std::memcpy(out, rest_.data(), count);
    rest_.remove_prefix(count);
    return true;
  }

  size_t left() const { return rest_.size(); }

private:
  std::string_view rest_;
};

void peer_table::export_to(std::string& out, coarse_seconds now) const {
  auto with_ids = config_->keep_peer_ids;
  put(out, version);
  put(out, uint8_t{with_ids});
  put(out, completed_);
  put(out, v4_.size());
  put(out, v6_.size());
  put(out, uint32_t(extras_ ? extras_->completers.size() : 0));
  put(out, uint32_t(extras_ ? extras_->usage.size() : 0));
  for (auto l : {&v4_, &v6_}) {
    for (uint32_t i = 0; i < l->size(); ++i) {
      out.append(reinterpret_cast<const char*>(l->wire(i)), l == &v4_ ? 6 : 18);
      put(out, l->identity(i));
      put(out, seconds_left(l->deadline(i), now));
      put(out, uint8_t(l->flags(i) & stored_flags));
      if (with_ids)
        out.append(l->id(i) ? l->id(i)->chars() : peer_id{}.chars());
    }
  }
  if (!extras_)
    return;
  for (auto identity : extras_->completers)
    put(out, identity);
  extras_->usage.for_each([&](uint64_t identity, const usage_base& base) {
    put(out, identity);
    put(out, base.uploaded_bytes);
    put(out, base.downloaded_bytes);
    put(out, seconds_left(base.deadline, now));
    put(out, uint8_t(base.family));
  });
}

/// Entries that contradict earlier ones, or find no room, are skipped.
bool peer_table::import_addresses(peer_list& l, snapshot_reader& in, uint32_t entries,
                                  bool with_ids, coarse_seconds now) {
  auto v4 = &l == &v4_;
  for (uint32_t i = 0; i < entries; ++i) {
    peer_list::entry e;
    uint16_t left = 0;
    if (!in.get_bytes(e.address.wire.data(), v4 ? 6 : 18) || !in.get(e.identity) || !in.get(left)
        || !in.get(e.flags) || (with_ids && !in.get_bytes(e.id.bytes.data(), e.id.bytes.size())))
      return false;
    if ((e.flags & ~stored_flags) != 0
        || (e.flags & peer_list::flag_state_mask) > uint8_t(peer_state::partial))
      return false;
    if (left == 0 || addresses() >= config_->addresses_max
        || l.find_identity(e.identity) != peer_list::none
        || l.find_address(e.address) != peer_list::none)
      continue;
    auto size = v4 ? size_t{4} : size_t{16};
    ip_address ip;
    ip.family = v4 ? ip_family::v4 : ip_family::v6;
    std::copy_n(e.address.wire.begin(), size, ip.bytes.begin());
    auto has_port = e.address.wire[size] != 0 || e.address.wire[size + 1] != 0;
    if (!has_port || !(config_->private_network || ip.is_global()))
      e.flags |= peer_list::flag_hidden;
    auto& rest = other(l);
    auto twin = rest.find_identity(e.identity);
    if (twin != peer_list::none) {
      rest.set_flag(twin, peer_list::flag_paired, true);
      e.flags = uint8_t((e.flags & peer_list::flag_hidden) | peer_list::flag_paired
                        | (rest.flags(twin) & stored_flags));
    } else {
      count(peer_state(e.flags & peer_list::flag_state_mask), 1);
    }
    e.deadline = now + std::min(uint32_t{left}, config_->restored_ttl_s);
    next_scan_ = std::min(next_scan_, e.deadline);
    e.where = locate(ip);
    l.insert(e, kept());
  }
  return true;
}

bool peer_table::import_all(std::string_view bytes, coarse_seconds now) {
  snapshot_reader in(bytes);
  uint8_t format = 0;
  uint8_t with_ids = 0;
  uint64_t completed = 0;
  uint32_t n4 = 0;
  uint32_t n6 = 0;
  uint32_t completers = 0;
  uint32_t bases = 0;
  if (!in.get(format) || format != version || !in.get(with_ids) || with_ids > 1
      || !in.get(completed) || !in.get(n4) || !in.get(n6) || !in.get(completers) || !in.get(bases)
      || completers > recent_completers_max || bases > usage_bases_max)
    return false;
  if (!import_addresses(v4_, in, n4, with_ids == 1, now)
      || !import_addresses(v6_, in, n6, with_ids == 1, now))
    return false;
  for (uint32_t i = 0; i < completers; ++i) {
    uint64_t identity = 0;
    if (!in.get(identity))
      return false;
    remember_completer(identity);
  }
  for (uint32_t i = 0; i < bases; ++i) {
    uint64_t identity = 0;
    usage_base base;
    uint16_t left = 0;
    uint8_t family = 0;
    if (!in.get(identity) || !in.get(base.uploaded_bytes) || !in.get(base.downloaded_bytes)
        || !in.get(left) || !in.get(family) || family > uint8_t(ip_family::v6))
      return false;
    base.deadline = now + std::min(uint32_t{left}, config_->restored_ttl_s);
    base.family = ip_family(family);
    rare().usage[identity] = base;
  }
  completed_ = completed;
  return in.left() == 0;
}

result<void> peer_table::import_from(std::string_view bytes, coarse_seconds now) {
  clear();
  completed_ = 0;
  if (import_all(bytes, now))
    return {};
  clear();
  completed_ = 0;
  return fail(ec::corrupt, "swarm snapshot");
}

} // namespace shoal
