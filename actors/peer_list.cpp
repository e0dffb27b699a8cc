// SPDX-License-Identifier: Apache-2.0
#include "actors/peer_list.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace shoal {

address_key address_key::of(const endpoint& peer) {
  address_key key;
  auto size = peer.address.size();
  std::copy_n(peer.address.bytes.begin(), size, key.wire.begin());
  key.wire[size] = uint8_t(peer.port >> 8);
  key.wire[size + 1] = uint8_t(peer.port);
  return key;
}

namespace {

uint32_t group_of(uint8_t flags) {
  if (flags & peer_list::flag_hidden)
    return 2;
  return peer_state(flags & peer_list::flag_state_mask) == peer_state::leecher ? 0 : 1;
}

} // namespace

/// Finds positions by identity and by address in constant time. Two open-addressing tables of
/// positions, a quarter larger than the list's capacity.
class peer_list::index {
public:
  index(const peer_list& list, const hash_key& secret)
      : secret_(secret), by_identity_(slot_count(list), none), by_address_(slot_count(list), none) {
    for (uint32_t at = 0; at < list.size(); ++at)
      add(list, at);
  }

  uint32_t find_identity(const peer_list& list, uint64_t identity) const {
    return find(by_identity_, mix_bits(identity),
                [&](uint32_t at) { return list.identity(at) == identity; });
  }

  uint32_t find_address(const peer_list& list, const uint8_t* wire) const {
    return find(by_address_, address_hash(list, wire),
                [&](uint32_t at) { return std::memcmp(list.wire(at), wire, list.stride_) == 0; });
  }

  void add(const peer_list& list, uint32_t at) {
    put(by_identity_, identity_hash(list, at), at);
    put(by_address_, address_hash(list, list.wire(at)), at);
  }

  void remove(const peer_list& list, uint32_t at) {
    take(by_identity_, identity_hash(list, at), at,
         [&](uint32_t x) { return identity_hash(list, x); });
    take(by_address_, address_hash(list, list.wire(at)), at,
         [&](uint32_t x) { return address_hash(list, list.wire(x)); });
  }

  const hash_key& secret() const { return secret_; }

  /// Call before the two entries change places.
  void swap(const peer_list& list, uint32_t a, uint32_t b) {
    std::swap(slot(by_identity_, identity_hash(list, a), a),
              slot(by_identity_, identity_hash(list, b), b));
    std::swap(slot(by_address_, address_hash(list, list.wire(a)), a),
              slot(by_address_, address_hash(list, list.wire(b)), b));
  }

  size_t memory_bytes() const {
    return sizeof(*this) + (by_identity_.capacity() + by_address_.capacity()) * sizeof(uint32_t);
  }

private:
  using table = std::vector<uint32_t>;

  static size_t slot_count(const peer_list& list) {
    return size_t{list.capacity_} + list.capacity_ / 4 + 1;
  }

  static uint64_t identity_hash(const peer_list& list, uint32_t at) {
    return mix_bits(list.identity(at));
  }

  uint64_t address_hash(const peer_list& list, const uint8_t* wire) const {
    return keyed_hash(secret_, {wire, list.stride_});
  }

  /// Maps a hash to a slot without a division.
  static size_t home(const table& slots, uint64_t hash) {
    return size_t(((hash >> 32) * slots.size()) >> 32);
  }

  static size_t next(const table& slots, size_t i) { return i + 1 == slots.size() ? 0 : i + 1; }

  template <class Matches>
  static uint32_t find(const table& slots, uint64_t hash, Matches matches) {
    auto i = home(slots, hash);
    while (slots[i] != none && !matches(slots[i]))
      i = next(slots, i);
    return slots[i];
  }

  static uint32_t& slot(table& slots, uint64_t hash, uint32_t at) {
    auto i = home(slots, hash);
    while (slots[i] != at) {
      SHOAL_CHECK(slots[i] != none);
      i = next(slots, i);
    }
    return slots[i];
  }

  static void put(table& slots, uint64_t hash, uint32_t at) {
    auto i = home(slots, hash);
    while (slots[i] != none)
      i = next(slots, i);
    slots[i] = at;
  }

  /// Removes without tombstones: later members of the run move up as far as their home allows.
  template <class HashOf>
  static void take(table& slots, uint64_t hash, uint32_t at, HashOf hash_of) {
    auto hole = size_t(&slot(slots, hash, at) - slots.data());
    auto distance
        = [&](size_t from, size_t to) { return to >= from ? to - from : to + slots.size() - from; };
    for (auto i = next(slots, hole); slots[i] != none; i = next(slots, i)) {
      if (distance(home(slots, hash_of(slots[i])), i) >= distance(hole, i)) {
        slots[hole] = slots[i];
        hole = i;
      }
    }
    slots[hole] = none;
  }

  hash_key secret_;
  table by_identity_;
  table by_address_;
};

peer_list::peer_list(uint32_t stride) : stride_(stride) {}

peer_list::peer_list(uint32_t stride, uint8_t* block, uint32_t capacity)
    : stride_(stride), capacity_(capacity), block_(block, block_release{false}) {}

peer_list::~peer_list() = default;

peer_list::peer_list(peer_list&& other) noexcept : stride_(other.stride_) {
  *this = std::move(other);
}

peer_list& peer_list::operator=(peer_list&& other) noexcept {
  stride_ = other.stride_;
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  leech_end_ = std::exchange(other.leech_end_, 0);
  seed_end_ = std::exchange(other.seed_end_, 0);
  block_ = std::move(other.block_);
  ids_ = std::move(other.ids_);
  places_ = std::move(other.places_);
  index_ = std::move(other.index_);
  return *this;
}

address_key peer_list::key(uint32_t at) const {
  address_key k;
  std::copy_n(wire(at), stride_, k.wire.begin());
  return k;
}

endpoint peer_list::address(uint32_t at) const {
  auto bytes = wire(at);
  endpoint result;
  result.address.family = stride_ == 6 ? ip_family::v4 : ip_family::v6;
  std::copy_n(bytes, stride_ - 2, result.address.bytes.begin());
  result.port = uint16_t(bytes[stride_ - 2] << 8 | bytes[stride_ - 1]);
  return result;
}

void peer_list::prefetch() const {
  if (index_ || size_ == 0)
    return;
  auto* at = reinterpret_cast<const char*>(identities());
  auto* end = at + size_t{size_} * sizeof(uint64_t);
  for (; at < end; at += 64)
    __builtin_prefetch(at);
  auto* flags = flag_bytes();
  for (size_t i = 0; i < size_; i += 64)
    __builtin_prefetch(flags + i, 1);
}

uint32_t peer_list::find_identity(uint64_t identity) const {
  if (index_)
    return index_->find_identity(*this, identity);
  auto all = identities();
  for (uint32_t i = 0; i < size_; ++i)
    if (all[i] == identity)
      return i;
  return none;
}

template <size_t Stride>
uint32_t peer_list::scan_address(const uint8_t* wanted) const {
  auto all = wires();
  for (uint32_t i = 0; i < size_; ++i)
    if (std::memcmp(all + i * Stride, wanted, Stride) == 0)
      return i;
  return none;
}

uint32_t peer_list::find_address(const address_key& address) const {
  if (index_)
    return index_->find_address(*this, address.wire.data());
  return stride_ == 6 ? scan_address<6>(address.wire.data())
                      : scan_address<18>(address.wire.data());
}

void peer_list::set_flag(uint32_t at, uint8_t flag, bool on) {
  auto& flags = flag_bytes()[at];
  flags = on ? uint8_t(flags | flag) : uint8_t(flags & ~flag);
}

uint32_t peer_list::set_state(uint32_t at, peer_state state) {
  auto& flags = flag_bytes()[at];
  auto from = group_of(flags);
  flags = uint8_t((flags & ~flag_state_mask) | uint8_t(state));
  return move_group(at, from, group_of(flags));
}

uint32_t peer_list::insert(const entry& e, const keeping& what) {
  // Small lists are many and cheap to copy, large ones have an index to rebuild.
  if (size_ == capacity_)
    resize(size_ + size_ / (size_ <= scan_max ? 8 : 4) + 1, what);
  auto at = size_++;
  identities()[at] = e.identity;
  deadlines()[at] = e.deadline;
  flag_bytes()[at] = e.flags;
  client_bytes()[at] = e.client;
  std::copy_n(e.address.wire.begin(), stride_, wires() + size_t{at} * stride_);
  if (ids_)
    ids_[at] = e.id;
  if (places_)
    places_[at] = e.where;
  if (index_)
    index_->add(*this, at);
  return move_group(at, 2, group_of(e.flags));
}

void peer_list::erase(uint32_t at) {
  at = move_group(at, group_of(flags(at)), 2);
  swap_entries(at, size_ - 1);
  if (index_)
    index_->remove(*this, size_ - 1);
  --size_;
  if (size_ == 0)
    clear();
  else if (capacity_ > 8 && size_ < capacity_ / 2)
    resize(size_ + size_ / 4 + 1,
           {ids_ != nullptr, places_ != nullptr, index_ ? index_->secret() : hash_key{}});
}

void peer_list::clear() {
  *this = peer_list(stride_);
}

void peer_list::own(const keeping& what) {
  if (size_ == 0)
    clear();
  else if (!block_.get_deleter().owned)
    resize(size_ + size_ / 4 + 1, what);
}

/// Takes an entry from one part of the list to another by changing places at the borders.
uint32_t peer_list::move_group(uint32_t at, uint32_t from, uint32_t to) {
  auto change_places = [&](uint32_t with) {
    swap_entries(at, with);
    at = with;
  };
  if (from == 0 && to > 0)
    change_places(--leech_end_);
  if (from <= 1 && to == 2)
    change_places(--seed_end_);
  if (from == 2 && to <= 1)
    change_places(seed_end_++);
  if (from > 0 && to == 0)
    change_places(leech_end_++);
  return at;
}

void peer_list::swap_entries(uint32_t a, uint32_t b) {
  if (a == b)
    return;
  if (index_)
    index_->swap(*this, a, b);
  std::swap(identities()[a], identities()[b]);
  std::swap(deadlines()[a], deadlines()[b]);
  std::swap(flag_bytes()[a], flag_bytes()[b]);
  std::swap(client_bytes()[a], client_bytes()[b]);
  std::swap_ranges(wires() + size_t{a} * stride_, wires() + size_t{a + 1} * stride_,
                   wires() + size_t{b} * stride_);
  if (ids_)
    std::swap(ids_[a], ids_[b]);
  if (places_)
    std::swap(places_[a], places_[b]);
}

void peer_list::resize(uint32_t capacity, const keeping& what) {
  peer_list bigger(stride_);
  bigger.capacity_ = capacity;
  bigger.size_ = size_;
  bigger.leech_end_ = leech_end_;
  bigger.seed_end_ = seed_end_;
  bigger.block_.reset(new uint8_t[capacity * entry_bytes(stride_)]);
  if (size_ > 0) {
    std::copy_n(identities(), size_, bigger.identities());
    std::copy_n(deadlines(), size_, bigger.deadlines());
    std::copy_n(wires(), size_t{size_} * stride_, bigger.wires());
    std::copy_n(flag_bytes(), size_, bigger.flag_bytes());
    std::copy_n(client_bytes(), size_, bigger.client_bytes());
  }
  if (what.ids) {
    bigger.ids_ = std::make_unique<peer_id[]>(capacity);
    if (ids_)
      std::copy_n(ids_.get(), size_, bigger.ids_.get());
  }
  if (what.places) {
    bigger.places_ = std::make_unique<whereabouts[]>(capacity);
    if (places_)
      std::copy_n(places_.get(), size_, bigger.places_.get());
  }
  if (capacity > scan_max)
    bigger.index_ = std::make_unique<index>(bigger, what.secret);
  *this = std::move(bigger);
}

size_t peer_list::memory_bytes() const {
  return capacity_
             * (entry_bytes(stride_) + (ids_ ? sizeof(peer_id) : 0)
                + (places_ ? sizeof(whereabouts) : 0))
         + (index_ ? index_->memory_bytes() : 0);
}

} // namespace shoal
