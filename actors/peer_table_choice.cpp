// SPDX-License-Identifier: Apache-2.0
// How a policy picks from a list: a bounded sample, the best of it, and a share of random peers.
#include "actors/peer_table.hpp"

#include <algorithm>
#include <array>

namespace shoal {

namespace {

/// Candidates looked at per wanted peer, and in all.
constexpr uint32_t sample_factor = 4;
constexpr uint32_t sample_max = 1024;

/// Arcs that a sample consists of. Those who came together stand together and are often in one
/// place: one arc would show either all of them or none.
constexpr uint32_t arcs_max = 16;

/// `length` positions on the ring [first, first + size): arcs, one in each part of the ring. They
/// do not begin at equal distances, as those who come by turns may stand at equal distances, too.
class sample_ring {
public:
  /// @param at where the first part begins, less than `size`.
  sample_ring(uint32_t first, uint32_t size, uint32_t at, uint32_t length, uint64_t random)
      : first_{first}, size_{size}, at_{at}, length_{length}, part_{size} {
    if (size < arcs_max || length > size - size % arcs_max)
      return;
    arcs_ = arcs_max;
    part_ = size / arcs_max;
    auto room = part_ - (length + arcs_max - 1) / arcs_max + 1;
    for (uint32_t i = 0; i < arcs_max; ++i)
      begins_[i] = static_cast<uint32_t>(mix_bits(random + i) % room);
  }

  uint32_t length() const { return length_; }

  /// One of each arc by turns.
  uint32_t nth(uint32_t i) const {
    auto arc = i % arcs_;
    return first_ + (at_ + arc * part_ + begins_[arc] + i / arcs_) % size_;
  }

  bool has(uint32_t position) const {
    if (position < first_ || position >= first_ + size_)
      return false;
    auto from = (position - first_ + size_ - at_) % size_;
    auto arc = from / part_;
    if (arc >= arcs_ || from % part_ < begins_[arc])
      return false;
    return (from % part_ - begins_[arc]) * arcs_ + arc < length_;
  }

private:
  uint32_t first_;
  uint32_t size_;
  uint32_t at_;
  uint32_t length_;
  uint32_t part_;
  uint32_t arcs_ = 1;
  std::array<uint32_t, arcs_max> begins_{};
};

uint32_t pick_start(uint32_t size, uint64_t random) {
  return uint32_t(((random & UINT32_MAX) * size) >> 32);
}

} // namespace

/// Collects one handout from one list.
class peer_table::choice {
public:
  choice(const peer_list& l, const party& asker, uint32_t self, uint32_t end)
      : list_{l}, asker_{asker}, self_{self}, end_{end} {}

  /// Picks `count` of the positions before `end`; there are more than that.
  const std::vector<uint32_t>& pick(uint32_t count, uint32_t mixed, bool seeds, uint64_t random,
                                    const peer_policy& policy) {
    // The positions are random already: the first are the random peers, the others the sample.
    auto wanted = std::min({mixed + sample_factor * (count - mixed), mixed + sample_max, end_});
    sample_ring all{0, end_, pick_start(end_, random), std::max(wanted, std::min(count + 1, end_)),
                    random};
    uint32_t used = 0;
    for (; used < all.length() && picked_.size() < mixed; ++used)
      if (all.nth(used) != self_)
        picked_.push_back(all.nth(used));
    auto first_seed = std::min(list_.leech_end(), end_);
    if (seeds && first_seed < end_) {
      auto n = end_ - first_seed;
      sample_ring some{first_seed, n, pick_start(n, random >> 16),
                       std::min(n, (all.length() - used) / 2), ~random};
      for (uint32_t i = 0; i < some.length(); ++i)
        if (!all.has(some.nth(i)))
          consider(some.nth(i), policy);
    }
    for (; used < all.length(); ++used)
      consider(all.nth(used), policy);
    take_best(count);
    return picked_;
  }

private:
  void consider(uint32_t at, const peer_policy& policy) {
    if (at == self_)
      return;
    // Only a party of the asker's family has bytes that can be compared.
    party other{list_.wire(at), asker_.family, list_.state(at), false, list_.where(at)};
    sample_.push_back({at, policy.preference(asker_, other)});
  }

  void take_best(uint32_t count) {
    auto missing = std::min<size_t>(count - picked_.size(), sample_.size());
    auto better = [](const candidate& a, const candidate& b) { return a.value > b.value; };
    std::stable_sort(sample_.begin(), sample_.end(), better);
    for (size_t i = 0; i < missing; ++i)
      picked_.push_back(sample_[i].at);
  }

  struct candidate {
    uint32_t at;
    uint8_t value;
  };

  const peer_list& list_;
  const party& asker_;
  uint32_t self_;
  uint32_t end_;
  std::vector<uint32_t> picked_;
  std::vector<candidate> sample_;
};

void peer_table::hand_out_chosen(const peer_list& l, const party& asker, const portion& part,
                                 handout& out) const {
  auto [self, end, count, random, with_ids] = part;
  auto v4 = &l == &v4_;
  auto same_family = v4 == (asker.family == ip_family::v4);
  // Of the other family we only know places, which do not depend on the family's bytes.
  auto nobody = std::array<uint8_t, 18>{};
  party side = asker;
  side.family = v4 ? ip_family::v4 : ip_family::v6;
  if (!same_family)
    side.wire = nobody.data();
  auto mixed = std::min(count, (count * config_->policy_mix_percent + 99) / 100);
  choice made{l, side, self, end};
  auto stride = v4 ? size_t{6} : size_t{18};
  for (auto at :
       made.pick(count, mixed, config_->policy->samples_seeds(side), random, *config_->policy)) {
    (v4 ? out.peers4 : out.peers6).append(reinterpret_cast<const char*>(l.wire(at)), stride);
    if (with_ids && l.id(at))
      (v4 ? out.ids4 : out.ids6).append(l.id(at)->chars());
  }
}

} // namespace shoal
