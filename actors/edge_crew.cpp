// SPDX-License-Identifier: Apache-2.0
#include "actors/edge_crew.hpp"

#include "core/log.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <linux/filter.h>
#include <numeric>
#include <sys/socket.h>

namespace shoal {

namespace {

/// So busy are edges to be if some of them are to go off duty: whoever stays has room for more.
constexpr double busy_enough = 0.6;

} // namespace

void edge_crew::begin(const steer& apply) {
  std::lock_guard guard{mutex_};
  steered_ = apply(1);
  if (steered_) {
    size_ = 1;
  } else {
    apply(size()); // Some sockets may have been steered.
    log::info("edge", "cannot steer sockets: all threads={} take new connections", busy_.size());
  }
}

void edge_crew::reinforce(unsigned edge, const steer& apply) {
  std::lock_guard guard{mutex_};
  if (!steered_ || edge >= size())
    return;
  // Nobody knows yet how busy those will be that are called: not idle, at least.
  std::fill(busy_.begin() + size(), busy_.end(), 1.0);
  change(size() * 2, apply);
}

void edge_crew::report(unsigned edge, double busy, const steer& apply) {
  std::lock_guard guard{mutex_};
  busy_[edge] = busy;
  if (!steered_ || edge != 0 || size() == 1)
    return;
  auto work = std::accumulate(busy_.begin(), busy_.begin() + size(), 0.0);
  auto needed = static_cast<unsigned>(std::ceil(work / busy_enough));
  // Not all at once: they may be between two bursts.
  if (needed < size())
    change(std::max({needed, size() / 2, 1u}), apply);
}

void edge_crew::change(unsigned size, const steer& apply) {
  size = std::min(size, static_cast<unsigned>(busy_.size()));
  if (size != this->size() && apply(size))
    size_ = size;
}

bool edge_backlog::lasts(bool more, mono_time (*now)()) {
  if (!more) {
    since_ = {};
    return false;
  }
  auto at = now();
  if (since_ == mono_time{})
    since_ = at;
  if (at - since_ < patience)
    return false;
  since_ = at;
  return true;
}

bool steer_sockets(int socket, unsigned edges) {
  // The program's result is the index of a socket. @source socket(7), SO_ATTACH_REUSEPORT_CBPF
  constexpr auto chance = static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM);
  std::array<sock_filter, 3> code{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, chance},
                                   {BPF_ALU | BPF_MOD | BPF_K, 0, 0, edges},
                                   {BPF_RET | BPF_A, 0, 0, 0}}};
  if (edges == 1)
    code[0] = {BPF_RET | BPF_K, 0, 0, 0};
  sock_fprog program{static_cast<unsigned short>(edges == 1 ? 1 : code.size()), code.data()};
  return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0;
}

} // namespace shoal
