// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_client.hpp"

#include "cluster/etcd_probes.hpp"
#include "cluster/etcd_watch.hpp"
#include "core/limits.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <list>
#include <utility>

namespace shoal::coordination {

namespace {

/// A range without a key is a mistake, not an empty answer.
bool is_range(std::string_view first, std::string_view end) {
  return end == std::string_view{"\0", 1} || first < end;
}

/// What etcd said is no answer: nobody knows what it did.
template <class T>
result<T> or_unknown(result<T> decoded) {
  if (!decoded && decoded.error().code == ec::corrupt)
    return fail(ec::timeout, std::move(decoded.error().detail));
  return decoded;
}

/// The caller's end of a watch.
class watch_handle : public watch {
public:
  explicit watch_handle(std::shared_ptr<etcd_watch> of) : of_{std::move(of)} {}
  ~watch_handle() override {
    if (of_)
      of_->stop();
  }

private:
  std::shared_ptr<etcd_watch> of_;
};

using watch_list = std::list<std::shared_ptr<etcd_watch>>;

class client : public etcd_client {
public:
  client(asio::io_context& io, asio::ssl::context tls, const etcd_config& cfg,
         std::vector<etcd_endpoint> endpoints)
      : io_{io}, cfg_{cfg}, calls_{std::make_shared<etcd_calls>(io, std::move(tls), cfg,
                                                                std::move(endpoints))},
        probes_{std::make_shared<etcd_probes>(io, calls_, cfg)} {
    probes_->start();
  }

  ~client() override {
    for (auto& each : watch_list{*watches_})
      each->lose({ec::shutting_down, {}});
    probes_->stop();
    calls_->stop();
  }

  void commit(transaction what, mono_time deadline, callback<transaction_result> then) override {
    auto keys_read = what.on_failure.size();
    ask({etcd::path::txn, etcd::encode(what), false, deadline}, std::move(then),
        [keys_read](auto& body) { return etcd::decode_transaction(body, keys_read); });
  }

  void read(range_query what, mono_time deadline, callback<range_page> then) override;

  std::unique_ptr<watch> follow(std::string first, std::string end, uint64_t from_revision,
                                watcher& who) override;

  void grant(uint32_t ttl_s, mono_time deadline, callback<lease_id> then) override {
    ask({etcd::path::grant, etcd::encode_grant(ttl_s), false, deadline}, std::move(then),
        [](auto& body) { return etcd::decode_grant(body); });
  }

  void keep_alive(lease_id lease, mono_time deadline, callback<uint32_t> then) override {
    ask({etcd::path::keep_alive, etcd::encode_lease(lease), true, deadline}, std::move(then),
        [](auto& body) { return etcd::decode_keep_alive(body); });
  }

  void revoke(lease_id lease, mono_time deadline, callback<uint64_t> then) override {
    ask({etcd::path::revoke, etcd::encode_lease(lease), false, deadline}, std::move(then),
        [](auto& body) { return etcd::decode_revoke(body); });
  }

  etcd_health health() const override {
    auto& endpoints = calls_->endpoints();
    return {endpoints[endpoints.preferred()].authority(),
            endpoints.reachable(),
            calls_->in_flight(),
            watches_->size(),
            calls_->pool().in_use() + calls_->pool().idle(),
            calls_->connects(),
            endpoints.failovers(),
            endpoints.health()};
  }

private:
  template <class T, class Decode>
  void ask(etcd_calls::question what, callback<T> then, Decode decode) {
    calls_->ask(std::move(what), [then = std::move(then), decode](result<std::string> body) {
      if (body)
        then(or_unknown(decode(*body)));
      else
        then(tl::unexpected(std::move(body.error())));
    });
  }

  std::unique_ptr<watch> refuse(watcher& who, error why);

  asio::io_context& io_;
  const etcd_config cfg_;
  std::shared_ptr<etcd_calls> calls_;
  std::shared_ptr<etcd_probes> probes_;
  std::shared_ptr<watch_list> watches_ = std::make_shared<watch_list>();
};

/// Asks for fewer keys as long as they are too large for one answer.
void read_page(const std::shared_ptr<etcd_calls>& calls, range_query what, mono_time deadline,
               store::callback<range_page> then) {
  etcd_calls::question asked{etcd::path::range, etcd::encode(what), true, deadline};
  auto weak = std::weak_ptr<etcd_calls>{calls};
  calls->ask(std::move(asked), [weak, what = std::move(what), deadline,
                                then = std::move(then)](result<std::string> body) mutable {
    if (body)
      return then(or_unknown(etcd::decode_range(*body, what.at_revision)));
    auto again = weak.lock();
    if (body.error().code != ec::too_large || what.limit == 1 || !again)
      return then(tl::unexpected(std::move(body.error())));
    what.limit = std::max(what.limit / 8, uint32_t{1});
    read_page(again, std::move(what), deadline, std::move(then));
  });
}

void client::read(range_query what, mono_time deadline, callback<range_page> then) {
  if (is_range(what.first, what.end) && what.limit > 0)
    return read_page(calls_, std::move(what), deadline, std::move(then));
  asio::post(io_,
             [then = std::move(then)] { then(fail(ec::invalid_argument, "a range of no keys")); });
}

/// A watch that is lost from the beginning.
std::unique_ptr<watch> client::refuse(watcher& who, error why) {
  auto never = std::make_shared<etcd_watch>(io_, calls_, cfg_, who, 0, [] {});
  asio::post(io_, [never, why = std::move(why)] { never->lose(why); });
  return std::make_unique<watch_handle>(std::move(never));
}

std::unique_ptr<watch> client::follow(std::string first, std::string end, uint64_t from_revision,
                                      watcher& who) {
  if (!is_range(first, end))
    return refuse(who, {ec::invalid_argument, "a range of no keys"});
  if (watches_->size() >= limits::etcd_watches_max)
    return refuse(who, {ec::unavailable, "too many watches of etcd at once"});
  auto at = watches_->insert(watches_->end(), nullptr);
  *at = std::make_shared<etcd_watch>(io_, calls_, cfg_, who, from_revision,
                                     [all = watches_, at] { all->erase(at); });
  auto handle = std::make_unique<watch_handle>(*at);
  (*at)->start(etcd::encode_watch(first, end, from_revision));
  return handle;
}

} // namespace

result<std::unique_ptr<etcd_client>> etcd_client::make(asio::io_context& io, etcd_config cfg) {
  if (auto sound = validate(cfg); !sound)
    return tl::unexpected(sound.error());
  std::vector<etcd_endpoint> endpoints;
  for (auto& url : cfg.endpoints)
    endpoints.push_back(*etcd_endpoint::parse(url));
  auto tls = make_tls_context(cfg);
  if (!tls)
    return tl::unexpected(tls.error());
  return std::make_unique<client>(io, std::move(*tls), cfg, std::move(endpoints));
}

} // namespace shoal::coordination
