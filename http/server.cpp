// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include "actors/spent_book.hpp"
#include "core/limits.hpp"
#include "core/log.hpp"
#include "http/listener.hpp"

#include <algorithm>
#include <sys/resource.h>
#include <thread>

namespace shoal::http {

namespace {

/// Descriptors that connections leave to the store, the listeners and the logs.
constexpr size_t other_descriptors = 64;

/// Before the time to end is over.
constexpr std::chrono::seconds last_words{1};

/// Fits what is not said, or said too large, to the machine.
http_config fitted(http_config config) {
  if (config.threads == 0)
    config.threads = std::max(1u, std::thread::hardware_concurrency());
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
    return config;
  // A download holds two, its socket and its file; but most connections are of other kinds.
  auto room = files.rlim_cur - std::min<size_t>(files.rlim_cur, other_descriptors);
  auto for_files = std::min(room / 2, limits::sent_files_reserve_max);
  auto fair = std::max<size_t>(1, (room - for_files) / config.threads);
  if (fair < config.connections_max) {
    log::info("edge", "bounds connections_per_thread={} for descriptors={}", fair, files.rlim_cur);
    config.connections_max = fair;
  }
  return config;
}

} // namespace

server::server(http_config config, shoal::node& node, tracker_gate& gate,
               metrics::registry& metrics)
    : config_{fitted(std::move(config))}, disk_{config_.disk_threads}, metrics_{metrics, gate},
      web_{metrics}, bulk_{node.cluster() ? std::make_unique<bulk_side>(*node.cluster(), metrics)
                                          : nullptr},
      services_{config_, node, metrics, metrics_, gate, disk_, web_, bulk_.get()},
      routes_{metrics, all_routes()}, commons_{config_.connections_per_address, node.secret(),
                                               config_.threads} {
  add_use_metrics(metrics);
  share_quotas();
  if (bulk_) {
    bulk_routes_ = std::make_unique<router>(metrics, bulk_routes());
    puller_ = std::make_unique<object_puller>(
        *bulk_, node.objects(), node.shared_registry()->pulls(),
        node.cluster()->config().copies.bytes_per_second, metrics);
  }
  commons_.bulk_routes = bulk_routes_.get();
}

server::~server() {
  stop(std::chrono::seconds{0});
}

void server::add_use_metrics(metrics::registry& registry) {
  registry.add_reader("shoal_http_connections_max", "Bound of the open HTTP connections", "",
                      [this] { return double(config_.connections_max * config_.threads); });
  registry.add_reader("shoal_edges_on_duty", "I/O threads that take in new clients", "",
                      [this] { return double(commons_.crew.size()); });
  registry.add_reader("shoal_manifest_cache_files", "Files of all manifests that are cached", "",
                      [this] { return double(services_.manifests->files()); });
  registry.add_reader("shoal_download_principals", "Principals whose downloads are counted", "",
                      [this] { return double(services_.pacer->principals()); });
  registry.add_reader(
      "shoal_download_elsewhere_bytes_total",
      "Bytes that principals fetched from other nodes, as these say", "",
      [this] { return double(services_.pacer->elsewhere()); }, "counter");
  registry.add_reader("shoal_disk_jobs", "Work of requests that waits for the disk or is at it", "",
                      [this] { return double(disk_.jobs()); });
  registry.add_reader("shoal_hashing_jobs",
                      "Commits whose files wait to be read, or are being read", "",
                      [this] { return double(services_.hashing->jobs()); });
}

void server::share_quotas() {
  auto spent = services_.node.spent();
  auto pacer = services_.pacer;
  if (!spent || !pacer->counts_elsewhere())
    return;
  pacer->tell_others([spent](uint64_t who, uint64_t bytes) { spent->note(who, bytes); });
  // The links may outlive the server, and would keep what keeps them.
  spent->count_with([counting = std::weak_ptr(pacer)](const link_spent& told) {
    auto now = mono_now();
    if (auto here = counting.lock())
      for (auto& x : told)
        here->charge(x.who, x.bytes, now);
  });
}

result<void> server::start() {
  auto usable = usable_addresses(config_.listen);
  if (!usable)
    return tl::unexpected{usable.error()};
  config_.listen = std::move(*usable);
  auto usable_tls = usable_addresses(config_.tls_listen);
  if (!usable_tls)
    return tl::unexpected{usable_tls.error()};
  config_.tls_listen = std::move(*usable_tls);
  if (auto loaded = reload_certificates(); !loaded)
    return loaded;
  if (auto ready = bulk_ ? bulk_->prepare() : result<void>{}; !ready)
    return ready;
  if (bulk_ && services_.node.web_origins())
    bulk_->share_pulls(services_.node.system());
  for (unsigned i = 0; i < config_.threads; ++i) {
    edges_.push_back(std::make_unique<edge>(i, config_.threads, services_, routes_, commons_));
    if (auto bound = edges_.back()->listen(); !bound)
      return bound;
    for (auto& make : guests_)
      if (auto added = edges_.back()->add_guest(make); !added)
        return added;
  }
  for (auto& e : edges_) {
    auto label = "thread=\"" + std::to_string(commons_.edges.size()) + "\"";
    services_.registry.add_reader("shoal_edge_connections", "Open connections of one I/O thread",
                                  label, [at = e.get()] { return double(at->connections()); });
    commons_.edges.push_back(e.get());
  }
  // Else there is nothing to steer: all edges accept.
  if (config_.threads > 1 && (config_.fast_lane || !guests_.empty()))
    edges_.front()->begin_duty();
  for (auto& e : edges_)
    e->start();
  if (puller_)
    puller_->start();
  return {};
}

result<void> server::reload_certificates() {
  return config_.tls_listen.empty() ? result<void>{} : commons_.tls.load(config_.certificates);
}

void server::stop(std::chrono::seconds patience) {
  if (puller_)
    puller_->stop();
  for (auto& e : edges_)
    e->drain();
  auto deadline = mono_now() + patience;
  auto drained = [&] {
    return std::all_of(edges_.begin(), edges_.end(), [](auto& e) { return e->drained(); });
  };
  while (!drained() && mono_now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
    // What takes too long says so while there is a connection to say it by.
    services_.ending = mono_now() >= deadline - last_words;
  }
  services_.ending = true;
  for (auto& e : edges_)
    e->stop();
  disk_.join();
  services_.hashing->join();
  edges_.clear();
  if (bulk_)
    bulk_->end_pulls();
}

} // namespace shoal::http
