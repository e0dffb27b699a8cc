// SPDX-License-Identifier: Apache-2.0
#include "actors/peer_table.hpp"
#include "core/limits.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// Appends `count` neighbours from [0, end), a ring, beginning anywhere and leaving out `self`.
void append_slice(const peer_list& l, uint32_t end, uint32_t self, uint32_t count, uint32_t random,
                  size_t stride, std::string& wires, std::string* ids) {
  if (count == 0)
    return;
  auto at = uint32_t((uint64_t{random} * end) >> 32);
  while (count > 0) {
    auto stop = std::min(end, at + count);
    if (self >= at && self < stop)
      stop = self;
    wires.append(reinterpret_cast<const char*>(l.wire(at)), (stop - at) * stride);
    if (ids && l.id(at))
      ids->append(reinterpret_cast<const char*>(l.id(at)), (stop - at) * peer_id::size_bytes);
    count -= stop - at;
    at = stop == self ? stop + 1 : stop;
    if (at >= end)
      at = 0;
  }
}

} // namespace

void peer_table::hand_out(const announce_input& in, const position& at, uint64_t random,
                          handout& out) const {
  auto is_v4 = in.peer.address.family == ip_family::v4;
  auto& own = is_v4 ? v4_ : v6_;
  auto& rest = is_v4 ? v6_ : v4_;
  // A magnet's first announce may say left=0 although nothing is there yet (aria2): whoever starts
  // gets seeds, too.
  auto asks_seed = own.state(at.own) != peer_state::leecher && in.event != announce_event::started;
  auto end_of = [&](const peer_list& l) { return asks_seed ? l.leech_end() : l.seed_end(); };
  auto available = [&](const peer_list& l, uint32_t self) {
    auto end = end_of(l);
    return self < end ? end - 1 : end;
  };
  auto wanted = std::min(in.numwant, limits::numwant_max);
  auto from_own = available(own, at.own);
  auto from_rest = in.own_family_only ? 0 : available(rest, at.other);
  from_own = std::min(from_own, wanted - std::min(from_rest, wanted / 4));
  from_rest = std::min(from_rest, wanted - from_own);
  auto append = [&](const peer_list& l, uint32_t self, uint32_t count, uint64_t r) {
    if (config_->policy && count > 0 && count < available(l, self)) {
      party asker{own.wire(at.own), in.peer.address.family, own.state(at.own),
                  in.event == announce_event::started, own.where(at.own)};
      hand_out_chosen(l, asker, {self, end_of(l), count, r, in.want_peer_ids}, out);
      return;
    }
    auto v4 = &l == &v4_;
    append_slice(l, end_of(l), self, count, uint32_t(r), v4 ? 6 : 18, v4 ? out.peers4 : out.peers6,
                 !in.want_peer_ids ? nullptr
                 : v4              ? &out.ids4
                                   : &out.ids6);
  };
  append(own, at.own, from_own, random);
  append(rest, at.other, from_rest, random >> 32);
}

} // namespace shoal
