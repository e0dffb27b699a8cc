// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

namespace shoal::http {

/// Who counts open connections; see connection_book.
class connection_counter {
public:
  virtual void leave(uint64_t seat) noexcept = 0;

protected:
  ~connection_counter() = default;
};

/// Counts one open connection for as long as it exists. It belongs to whoever has the socket.
class connection_ticket {
public:
  connection_ticket() = default;
  connection_ticket(connection_counter& at, uint64_t seat) : at_{&at}, seat_{seat} {}
  connection_ticket(connection_ticket&& other) noexcept
      : at_{std::exchange(other.at_, nullptr)}, seat_{other.seat_} {}
  connection_ticket& operator=(connection_ticket&& other) noexcept {
    std::swap(at_, other.at_);
    std::swap(seat_, other.seat_);
    return *this;
  }
  explicit operator bool() const { return at_ != nullptr; }
  ~connection_ticket() {
    if (at_)
      at_->leave(seat_);
  }

private:
  connection_counter* at_ = nullptr;
  uint64_t seat_ = 0; ///< Of the counter's making.
};

} // namespace shoal::http
