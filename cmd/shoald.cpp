// SPDX-License-Identifier: Apache-2.0
// The node's program: reads the configuration, wires the layers, waits for a signal.
#include "cmd/shoald_config.hpp"
#include "cmd/udp_secrets.hpp"
#include "http/server.hpp"
#include "udp/service.hpp"

#include <csignal>
#include <cstdio>
#include <sys/resource.h>

namespace {

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
                                                   metrics::registry& metrics) {
  if (!config.cluster.joins())
    return std::unique_ptr<cluster_side>{};
  auto made = cmd::cluster_side_of(config.cluster, cmd::fingerprint_of(config));
  if (!made)
    return tl::unexpected{made.error()};
  made->whole_ids = config.node.keep_peer_ids;
  cluster_side::events events;
  events.keys_changed = [](std::string_view name) {
    log::info("cluster", "has a new shared key name={}", name);
  };
  events.cannot_go_on = [](const error& why) {
    log::error("cluster", "cannot go on reason=\"{}\"", to_string(why));
    if (why.code == ec::corrupt)
      std::_Exit(3); // What is here and what is in etcd must not be mixed.
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

/// Everything of the node but its cluster.
int serve(const cmd::shoald_config& config, const udp::udp_config& udp_config, signal_set& signals,
          metrics::registry& metrics, cluster_side* cluster) {
  auto node_config = config.node;
  node_config.cluster = cluster;
  auto node = node::start(node_config, metrics);
  if (!node)
    return complain(node.error());
  tracker_gate gate{config.tracker, (*node)->directory(), (*node)->secret(), metrics};
  udp::service udp{udp_config, gate, (*node)->directory(), (*node)->secret(), metrics};
  http::server server{config.http, **node, gate, metrics};
  if (auto added = add_udp(server, udp); !added)
    return complain(added.error());
  if (!config.http.tls_listen.empty())
    server.certificates().add_metrics(metrics, config.http.certificates);
  if (auto started = server.start(); !started)
    return complain(started.error());
  (*node)->join();
  report_addresses(config.http);
  report_dates(server.certificates());
  auto signal = signals.wait([&] {
    reload_certificates(server);
    reload_udp_secrets(config.udp, udp);
  });
  log::info("shoald", "drains signal={}", signal);
  if (cluster && !cluster->leave(config.cluster.leave_timeout))
    log::warn("shoald", "leaves with slots that nobody took over");
  server.stop(defaults::drain_timeout);
  if (cluster)
    cluster->end();
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
  auto cluster = join_cluster(config, signals, metrics);
  if (!cluster)
    return cluster.error().code == ec::shutting_down ? 0 : complain(cluster.error());
  return serve(config, *udp_config, signals, metrics, cluster->get());
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
