// SPDX-License-Identifier: Apache-2.0
// A packed address, in the machine's byte order as it leaves no process:
//
//     u64 identity | u32 deadline | u8 flags | u8 client | wire (6 or 18)
#include "actors/peer_set.hpp"

#include "actors/peer_table_extras.hpp"
#include "protocol/swarm_delta.hpp"

namespace shoal {

namespace {

constexpr size_t head_bytes = 14;
constexpr size_t deadline_at = 8;
constexpr size_t flags_at = 12;
constexpr size_t client_at = 13;
constexpr uint64_t completed_max = (uint64_t{1} << 48) - 1;

constexpr size_t stride_of(ip_family family) {
  return family == ip_family::v4 ? 6 : 18;
}

static_assert(head_bytes + stride_of(ip_family::v4) == peer_list::entry_bytes(6));

peer_list::entry read_entry(const uint8_t* from, size_t stride) {
  peer_list::entry e;
  std::memcpy(&e.identity, from, sizeof(e.identity));
  std::memcpy(&e.deadline, from + deadline_at, sizeof(e.deadline));
  e.flags = from[flags_at];
  e.client = from[client_at];
  std::memcpy(e.address.wire.data(), from + head_bytes, stride);
  return e;
}

uint8_t* write_entry(const peer_list& l, uint32_t at, size_t stride, uint8_t* to) {
  auto identity = l.identity(at);
  auto deadline = l.deadline(at);
  std::memcpy(to, &identity, sizeof(identity));
  std::memcpy(to + deadline_at, &deadline, sizeof(deadline));
  to[flags_at] = l.flags(at);
  to[client_at] = l.client(at);
  std::memcpy(to + head_bytes, l.wire(at), stride);
  return to + head_bytes + stride;
}

} // namespace

/// Whoever keeps peer ids needs room for them from the first address on.
peer_set::unpacked::unpacked(const peer_set& from)
    : table{*from.config_,
            from.config_->keep_peer_ids ? peer_list{6} : peer_list{6, block4.data(), capacity},
            from.config_->keep_peer_ids ? peer_list{18} : peer_list{18, block6.data(), capacity}} {
  auto* at = from.bytes_.data();
  table.completed_ = from.completed_;
  for (auto family : {ip_family::v4, ip_family::v6}) {
    auto stride = stride_of(family);
    auto count = family == ip_family::v4 ? from.v4_ : from.v6_;
    for (uint64_t i = 0; i < count; ++i, at += head_bytes + stride) {
      auto e = read_entry(at, stride);
      table.list(family).insert(e, {});
      table.next_scan_ = std::min(table.next_scan_, e.deadline);
      if (family == ip_family::v4 || (e.flags & peer_list::flag_paired) == 0)
        table.count(peer_state(e.flags & peer_list::flag_state_mask), 1);
    }
  }
}

peer_set::~peer_set() {
  if (on_heap_)
    delete table_;
}

bool peer_set::fits(const peer_table& table) const {
  return !table.extras_ && !config_->keep_peer_ids && table.completed_ <= completed_max
         && table.v4_.size() * peer_list::entry_bytes(6)
                    + table.v6_.size() * peer_list::entry_bytes(18)
                <= packed_bytes;
}

void peer_set::pack(const peer_table& table) {
  completed_ = table.completed_ & completed_max;
  v4_ = table.v4_.size() & 15;
  v6_ = table.v6_.size() & 15;
  auto* to = bytes_.data();
  for (auto family : {ip_family::v4, ip_family::v6}) {
    auto& l = family == ip_family::v4 ? table.v4_ : table.v6_;
    for (uint32_t i = 0; i < l.size(); ++i)
      to = write_entry(l, i, stride_of(family), to);
  }
}

void peer_set::to_heap(std::unique_ptr<peer_table> table) {
  table_ = table.release();
  on_heap_ = 1;
}

/// Packs what is left of a table that has become small.
void peer_set::leave_heap() {
  std::unique_ptr<peer_table> table{table_};
  on_heap_ = 0;
  pack(*table);
}

void peer_set::keep(peer_table& table) {
  if (fits(table)) {
    pack(table);
    return;
  }
  auto what = table.kept();
  table.v4_.own(what);
  table.v6_.own(what);
  table.locate_all();
  to_heap(std::make_unique<peer_table>(std::move(table)));
}

template <class F>
auto peer_set::write(F&& f) {
  using reply = decltype(f(*table_));
  if (on_heap_)
    return f(*table_);
  unpacked small{*this};
  if constexpr (std::is_void_v<reply>) {
    f(small.table);
    keep(small.table);
  } else {
    auto result = f(small.table);
    keep(small.table);
    return result;
  }
}

announce_output peer_set::announce(const announce_input& in, coarse_seconds now, uint64_t random,
                                   handout& out, std::vector<peer_change>* changes) {
  return write([&](peer_table& t) { return t.announce(in, now, random, out, changes); });
}

usage_delta peer_set::account(const usage_report& report, coarse_seconds now) {
  return write([&](peer_table& t) { return t.account(report, now); });
}

void peer_set::forget_usage() {
  if (on_heap_)
    table_->forget_usage();
}

uint32_t peer_set::next_deadline() const {
  auto* at = bytes_.data();
  auto next = UINT32_MAX;
  for (uint64_t i = 0; i < addresses(); ++i) {
    uint32_t deadline;
    std::memcpy(&deadline, at + deadline_at, sizeof(deadline));
    next = std::min(next, deadline);
    at += head_bytes + stride_of(i < v4_ ? ip_family::v4 : ip_family::v6);
  }
  return next;
}

size_t peer_set::expire(coarse_seconds now, std::vector<peer_change>* changes) {
  if (!on_heap_ && now < next_deadline())
    return 0;
  auto dropped = write([&](peer_table& t) { return t.expire(now, changes); });
  // Here and not in `announce`: a set that is about that small would come and go.
  if (on_heap_ && fits(*table_))
    leave_heap();
  return dropped;
}

void peer_set::clear(std::vector<peer_change>* changes) {
  write([&](peer_table& t) { t.clear(changes); });
  if (on_heap_ && fits(*table_))
    leave_heap();
}

swarm_counts peer_set::counts() const {
  if (on_heap_)
    return table_->counts();
  swarm_counts all;
  all.completed = completed_;
  auto* at = bytes_.data();
  for (uint64_t i = 0; i < addresses(); ++i) {
    auto flags = at[flags_at];
    if ((flags & peer_list::flag_paired) == 0 || i < v4_) {
      auto state = peer_state(flags & peer_list::flag_state_mask);
      all.seeders += state == peer_state::seeder;
      all.leechers += state != peer_state::seeder;
      all.downloaders += state == peer_state::leecher;
    }
    at += head_bytes + stride_of(i < v4_ ? ip_family::v4 : ip_family::v6);
  }
  return all;
}

void peer_set::set_completed(uint64_t completed) {
  write([&](peer_table& t) { t.set_completed(completed); });
}

bool peer_set::knows(uint64_t identity) const {
  auto known = false;
  read([&](const peer_table& t) { known = t.knows(identity); });
  return known;
}

bool peer_set::complete(uint64_t identity) {
  return write([&](peer_table& t) { return t.complete(identity); });
}

size_t peer_set::peers() const {
  auto all = counts();
  return size_t{all.seeders} + all.leechers;
}

size_t peer_set::addresses() const {
  return on_heap_ ? table_->addresses() : uint64_t{v4_} + uint64_t{v6_};
}

void peer_set::export_to(std::string& out, coarse_seconds now) const {
  read([&](const peer_table& t) { t.export_to(out, now); });
}

result<void> peer_set::import_from(std::string_view bytes, coarse_seconds now) {
  return write([&](peer_table& t) { return t.import_from(bytes, now); });
}

std::optional<replica_peer> peer_set::describe(uint64_t identity) const {
  std::optional<replica_peer> found;
  read([&](const peer_table& t) { found = t.describe(identity); });
  return found;
}

void peer_set::mirror(const replica_peer& x, coarse_seconds deadline,
                      std::vector<peer_change>* changes) {
  write([&](peer_table& t) { t.mirror(x, deadline, changes); });
}

void peer_set::mirror(const delta_piece& x, coarse_seconds deadline,
                      const std::vector<uint64_t>* present) {
  write([&](peer_table& t) { t.mirror(x, deadline, present); });
}

bool peer_set::remove(uint64_t identity) {
  return write([&](peer_table& t) { return t.remove(identity); });
}

std::optional<uint64_t> peer_set::cut(uint64_t from, size_t peers_max, delta_piece& piece) const {
  std::optional<uint64_t> next;
  read([&](const peer_table& t) { next = t.cut(from, peers_max, piece); });
  return next;
}

void peer_set::take(peer_set& from) {
  if (on_heap_)
    delete table_;
  std::memcpy(bytes_.data(), from.bytes_.data(), packed_bytes); // Or the pointer among them.
  completed_ = from.completed_;
  v4_ = from.v4_;
  v6_ = from.v6_;
  on_heap_ = from.on_heap_;
  from.completed_ = 0;
  from.v4_ = from.v6_ = 0;
  from.on_heap_ = 0;
}

void peer_set::renew(coarse_seconds deadline) {
  write([&](peer_table& t) { t.renew(deadline); });
}

size_t peer_set::memory_bytes() const {
  return sizeof(*this) + (on_heap_ ? table_->memory_bytes() : 0);
}

} // namespace shoal
