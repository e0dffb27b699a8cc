// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_probes.hpp"

#include <utility>

namespace shoal::coordination {

void etcd_probes::start() {
  if (cfg_.probe_period > std::chrono::milliseconds{0} && calls_->endpoints().size() > 1)
    ask_next();
}

void etcd_probes::stop() {
  stopped_ = true;
  timer_.cancel();
  if (auto used = std::exchange(connection_, nullptr))
    used->close();
}

void etcd_probes::wait() {
  next_ = 0;
  timer_.expires_after(cfg_.probe_period);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& why) {
    if (!why && !self->stopped_)
      self->ask_next();
  });
}

void etcd_probes::ask_next() {
  auto& endpoints = calls_->endpoints();
  if (next_ == endpoints.preferred())
    ++next_; // Others ask that one all the time.
  if (next_ >= endpoints.size())
    return wait();
  connection_ = calls_->make_connection(next_);
  connection_->open(cfg_.connect_timeout, [self = shared_from_this(), by = connection_](auto why) {
    if (why)
      self->on_answer(by, false);
    else
      self->ask(by);
  });
}

void etcd_probes::ask(const connection_ptr& by) {
  if (by != connection_)
    return;
  timer_.expires_after(cfg_.answer_timeout);
  timer_.async_wait([self = shared_from_this(), by](const boost::system::error_code& why) {
    if (!why)
      self->on_answer(by, false);
  });
  // Without a token, or with an old one, the answer is an error, and an answer.
  by->ask({etcd::path::range, etcd::encode_probe(), calls_->login().token()},
          [self = shared_from_this(), by](const etcd_answer& got) {
            self->on_answer(by, got.what == etcd_answer::fate::answered);
          });
}

void etcd_probes::on_answer(const connection_ptr& by, bool up) {
  if (by != connection_)
    return;
  timer_.cancel();
  std::exchange(connection_, nullptr)->close();
  calls_->endpoints().seen(next_++, up);
  ask_next();
}

} // namespace shoal::coordination
