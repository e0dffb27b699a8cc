// SPDX-License-Identifier: Apache-2.0
// The node's program: reads the configuration, wires the layers, waits for a signal.
#include "cmd/cluster_keys.hpp"
#include "cmd/shoald_config.hpp"
#include "cmd/udp_secrets.hpp"
#include "http/server.hpp"
#include "udp/service.hpp"

#include <csignal>
#include <cstdio>
#include <sys/resource.h>

namespace {

/// Of an orderly end, for what standbys have not heard of yet; as a rule some milliseconds.
constexpr std::chrono::milliseconds last_words_patience{2000};

using namespace shoal;

/// Blocks the signals in all threads that are started later, so that only `wait` gets them.
class signal_set {
public:
  signal_set() {
    sigemptyset(&set_);
    for (auto s : {SIGTERM, SIGINT, SIGHUP})
      sigaddset(&set_, s);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }

  /// @param on_hangup runs for each SIGHUP.
  /// @returns the signal that asks the node to leave.
  template <class Handler>
  int wait(Handler on_hangup) {
    for (;;) {
      int got = 0;
      if (sigwait(&set_, &got) != 0)
        continue;
      if (got != SIGHUP)
        return got;
      on_hangup();
    }
  }

  /// Waits until then, or until somebody asks once more.
  void rest(mono_time until) {
    for (auto left = until - mono_now(); left.count() > 0; left = until - mono_now()) {
      auto seconds = std::chrono::floor<std::chrono::seconds>(left);
      timespec patience{seconds.count(), std::chrono::nanoseconds{left - seconds}.count()};
      if (auto got = sigtimedwait(&set_, nullptr, &patience); got == SIGTERM || got == SIGINT)
        return;
    }
  }

  /// Whether one that asks the node to leave waits to be heard.
  bool asked_to_leave() const {
    sigset_t pending;
    return sigpending(&pending) == 0
           && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
  }

private:
  sigset_t set_;
};

/// Each connection is a descriptor, and many systems allow only 1,024 unless asked.
void raise_descriptor_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

/// Clients refuse what is out of date.
void report_dates(const http::tls_context& certificates) {
  for (auto& dates : certificates.dates())
    if (auto why = http::complaint_about(dates, unix_now()))
      log::error("shoald", "serves a bad certificate reason=\"{}\"", *why);
}

/// SIGHUP: certificates are renewed every few weeks, and nobody wants to restart for that.
void reload_certificates(http::server& server) {
  auto loaded = server.reload_certificates();
  if (loaded)
    log::info("shoald", "reads the certificates anew");
  else
    log::error("shoald", "keeps its certificates reason=\"{}\"", to_string(loaded.error()));
  report_dates(server.certificates());
}

/// SIGHUP: the same for those of the links; links that are up keep theirs.
void reload_link_certificates(cluster_side& cluster, http::server& server) {
  if (cluster.config().links.insecure)
    return;
  auto for_bulk = [&] { return server.reload_link_certificates(); };
  if (auto loaded = cluster.hub().reload_certificates().and_then(for_bulk); loaded)
    log::info("shoald", "reads the links' certificates anew");
  else
    log::error("shoald", "keeps its links' certificates reason=\"{}\"", to_string(loaded.error()));
}

/// SIGHUP: nor for a new secret of connection ids.
void reload_udp_secrets(const udp::udp_config& config, udp::service& udp) {
  if (config.secret_file.empty())
    return;
  auto secrets = cmd::udp_secrets(config);
  if (!secrets)
    log::error("shoald", "keeps its UDP secrets reason=\"{}\"", to_string(secrets.error()));
  else if (udp.change_secrets(*secrets, mono_now()))
    log::info("shoald", "changes its UDP secrets");
}

int complain(const error& err) {
  std::fprintf(stderr, "shoald: %s\n", to_string(err).c_str());
  return 2;
}

/// Gives each edge thread its UDP sockets.
result<void> add_udp(http::server& server, udp::service& udp) {
  if (!udp.config().enabled)
    return {};
  if (auto ready = udp.prepare(); !ready)
    return ready;
  server.add_guests([&udp](unsigned, boost::asio::io_context& io, edge_port& port) {
    return udp.make_guest(io, port);
  });
  for (auto& where : udp.config().listen)
    log::info("shoald", "answers udp_address={}", where.str());
  return {};
}

void print_routes() {
  for (auto& r : http::all_routes())
    std::printf("%.*s %.*s\n", static_cast<int>(http::name(r.verb).size()),
                http::name(r.verb).data(), static_cast<int>(r.path.size()), r.path.data());
}

/// @returns the settings of UDP with the secrets of the file that they name.
result<udp::udp_config> with_secrets(udp::udp_config config) {
  auto secrets = cmd::udp_secrets(config);
  if (!secrets)
    return tl::unexpected{secrets.error()};
  config.secrets = std::move(*secrets);
  return config;
}

/// Joins the cluster, if the configuration names one. @returns nothing if the node is alone.
result<std::unique_ptr<cluster_side>> join_cluster(const cmd::shoald_config& config,
                                                   const signal_set& signals,
                                                   cmd::cluster_keys& keys,
                                                   metrics::registry& metrics) {
  if (!config.cluster.joins())
    return std::unique_ptr<cluster_side>{};
  auto made = cmd::cluster_side_of(config.cluster, cmd::fingerprint_of(config));
  if (!made)
    return tl::unexpected{made.error()};
  made->whole_ids = config.node.keep_peer_ids;
  cmd::set_lives(made->member.keys, config.http);
  cluster_side::events events;
  events.keys_changed = [&keys](std::string_view name) { keys.changed(name); };
  events.cannot_go_on = [](const error& why) {
    // What is here and what is in etcd must not be mixed, nor two processes be one node.
    log::error("cluster", "cannot go on, so the process ends reason=\"{}\"", to_string(why));
    std::_Exit(3);
  };
  return cluster_side::start(std::move(*made), std::move(events), metrics,
                             [&] { return signals.asked_to_leave(); });
}

void report_addresses(const http::http_config& config) {
  for (auto& where : config.listen)
    log::info("shoald", "listens version={} address={}", SHOAL_VERSION, where.str());
  for (auto& where : config.tls_listen)
    log::info("shoald", "listens version={} tls_address={}", SHOAL_VERSION, where.str());
}

/// What a node has only in a cluster.
struct cluster_part {
  cmd::cluster_keys keys;
  std::unique_ptr<cluster_side> side; ///< Null: the node is alone. Uses the keys.

  /// Takes the cluster's secrets where the configuration has none, before anything needs them.
  void complete(udp::udp_config& udp, tracker_config& tracker, bool passkeys) const {
    if (side && udp.secrets.empty())
      udp.secrets = cmd::udp_secrets(side->member());
    if (side && passkeys)
      tracker.secrets = cmd::passkey_secrets(side->member());
  }

  /// The same: what it issued before under a secret of its own would be good nowhere later.
  void complete(http::server& server) const {
    if (side)
      server.share_sessions(cmd::session_secrets(side->member()));
  }

  /// Has them follow the cluster's from now on.
  void attach(const cmd::shoald_config& config, bool own_udp_secrets, udp::service& udp,
              http::server& server, tracker_gate& gate) {
    if (side)
      keys.attach(side->member(), {own_udp_secrets ? nullptr : &udp, &server,
                                   config.cluster.passkeys ? &gate : nullptr});
  }

  /// @returns once all slots are given up, or when that takes too long.
  void leave(std::chrono::seconds patience) {
    if (side && !side->leave(patience))
      log::warn("shoald", "leaves with slots that nobody took over");
  }

  void end() {
    keys.detach();
    if (side)
      side->end();
  }
};

/// Gives up what others can take over, while load balancers learn that this node leaves.
void prepare_to_leave(const cmd::shoald_config& config, http::server& server, cluster_part& cluster,
                      signal_set& signals) {
  auto noticed = mono_now() + config.http.leave_notice;
  server.announce_leave();
  cluster.leave(config.cluster.leave_timeout);
  signals.rest(noticed);
}

/// Everything of the node but its cluster.
int serve(const cmd::shoald_config& config, udp::udp_config udp_config, signal_set& signals,
          metrics::registry& metrics, cluster_part& cluster) {
  auto node_config = config.node;
  node_config.cluster = cluster.side.get();
  auto node = node::start(node_config, metrics);
  if (!node)
    return complain(node.error());
  auto own_udp_secrets = !udp_config.secrets.empty();
  auto rules = config.tracker;
  cluster.complete(udp_config, rules, config.cluster.passkeys);
  tracker_gate gate{rules, (*node)->directory(), (*node)->secret(), metrics};
  udp::service udp{udp_config, gate, (*node)->directory(), (*node)->secret(), metrics};
  http::server server{config.http, **node, gate, metrics};
  cluster.complete(server);
  if (auto added = add_udp(server, udp); !added)
    return complain(added.error());
  if (!config.http.tls_listen.empty())
    server.certificates().add_metrics(metrics, config.http.certificates);
  if (auto started = server.start(); !started)
    return complain(started.error());
  cluster.attach(config, own_udp_secrets, udp, server, gate);
  (*node)->join();
  report_addresses(config.http);
  report_dates(server.certificates());
  auto signal = signals.wait([&] {
    reload_certificates(server);
    reload_udp_secrets(config.udp, udp);
    if (cluster.side)
      reload_link_certificates(*cluster.side, server);
  });
  log::info("shoald", "drains signal={}", signal);
  prepare_to_leave(config, server, cluster, signals);
  server.stop(defaults::drain_timeout);
  (*node)->await_told(last_words_patience);
  cluster.end();
  (*node)->stop();
  return 0;
}

int serve(const cmd::shoald_config& config) {
  signal_set signals;
  raise_descriptor_limit();
  metrics::registry metrics;
  auto udp_config = with_secrets(config.udp);
  if (!udp_config)
    return complain(udp_config.error());
  cluster_part cluster;
  auto joined = join_cluster(config, signals, cluster.keys, metrics);
  if (!joined)
    return joined.error().code == ec::shutting_down ? 0 : complain(joined.error());
  cluster.side = std::move(*joined);
  return serve(config, std::move(*udp_config), signals, metrics, cluster);
}

} // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  auto options = cmd::read_options(argc, argv, exit_code);
  if (!options)
    return exit_code;
  if (options->print_routes) {
    print_routes();
    return 0;
  }
  if (options->print_config) {
    std::fputs(cmd::to_toml(options->config).c_str(), stdout);
    return 0;
  }
  if (auto valid = cmd::validate(options->config); !valid)
    return complain(valid.error());
  if (options->check) {
    for (auto& why : cmd::warnings(options->config))
      std::fprintf(stderr, "shoald: %s\n", why.c_str());
    return 0;
  }
  log::init(options->config.log);
  return serve(options->config);
}
