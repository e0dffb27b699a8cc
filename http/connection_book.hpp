// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/address_counts.hpp"
#include "http/connection_ticket.hpp"
#include "http/services.hpp"

#include <atomic>
#include <optional>

namespace shoal::http {

/// The open connections of one edge, whatever their protocol, and the bounds that hold for them.
/// Used on the edge's thread; outlives every ticket.
class connection_book final : public connection_counter {
public:
  /// @param addresses shared by all edges.
  connection_book(const services& srv, address_counts& addresses)
      : srv_{srv}, addresses_{addresses} {}

  /// Counts a connection in for as long as the ticket exists.
  /// @param from the socket's address.
  /// @returns nothing if there are too many; the refusal is counted.
  std::optional<connection_ticket> enter(const ip_address& from);

  /// The same for one that counts with no address: another node speaks for many.
  connection_ticket enter_known();

  void leave(uint64_t seat) noexcept override;

  /// May be called on any thread.
  size_t open() const { return open_.load(std::memory_order_relaxed); }

private:
  bool exempt(const ip_address& from) const;

  const services& srv_;
  address_counts& addresses_;
  std::atomic<size_t> open_{0}; // Written by one thread.
};

} // namespace shoal::http
