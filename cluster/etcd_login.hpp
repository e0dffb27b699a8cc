// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <functional>
#include <string>
#include <vector>

namespace shoal::coordination {

/// The token that goes with every request if etcd wants to know who asks. One login at a time,
/// however many wait for it. A token dies with the member that keeps it, or after minutes.
class etcd_login {
public:
  using waiting = std::function<void(const result<void>&)>;
  using answered = std::function<void(result<std::string>)>;

  /// @param wanted false: there is no user, and never a token.
  /// @param log_in gets a new token, or fails; with ec::unsupported if etcd asks nobody.
  etcd_login(bool wanted, std::function<void(answered)> log_in)
      : log_in_{std::move(log_in)}, wanted_{wanted} {}

  /// Whether a request can go now, with `token()`, which may be empty.
  bool ready() const { return !wanted_ || not_asked_for_ || !token_.empty(); }
  bool wanted() const { return wanted_; }
  const std::string& token() const { return token_; }

  /// Calls back when it is ready, or why it cannot be; not from within this call.
  void wait(waiting then);

  /// Somebody was told that the token he used counts no more.
  void discard(const std::string& used);

private:
  void on_answer(result<std::string> token);

  std::function<void(answered)> log_in_;
  std::vector<waiting> waiting_;
  std::string token_;
  bool wanted_;
  bool asking_ = false;
  bool not_asked_for_ = false;
};

} // namespace shoal::coordination
