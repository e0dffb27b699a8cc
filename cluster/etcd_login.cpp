// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_login.hpp"

#include "core/log.hpp"

#include <utility>

namespace shoal::coordination {

void etcd_login::wait(waiting then) {
  waiting_.push_back(std::move(then));
  if (!std::exchange(asking_, true))
    log_in_([this](result<std::string> token) { on_answer(std::move(token)); });
}

void etcd_login::discard(const std::string& used) {
  if (used != token_)
    return;
  token_.clear();
  not_asked_for_ = false;
}

void etcd_login::on_answer(result<std::string> token) {
  asking_ = false;
  result<void> outcome;
  if (token) {
    token_ = std::move(*token);
  } else if (token.error().code == ec::unsupported) {
    log::warn("etcd", "asks for no password although one is configured");
    not_asked_for_ = true;
  } else {
    outcome = tl::unexpected(std::move(token.error()));
  }
  for (auto& then : std::exchange(waiting_, {}))
    then(outcome);
}

} // namespace shoal::coordination
