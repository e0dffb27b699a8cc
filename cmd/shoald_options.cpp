// SPDX-License-Identifier: Apache-2.0
#include "cmd/shoald_options.hpp"

#include <iterator>

namespace shoal::cmd {

namespace {

constexpr int64_t day = 86'400;

std::vector<option> http_options(shoald_config& c, staging& s) {
  auto& h = c.http;
  auto& t = c.tracker;
  return {
      setting("http.listen", h.listen, "Address and port; \":8080\" is all addresses"),
      setting("http.tls-listen", h.tls_listen, "The same for HTTPS"),
      setting("http.tls-cert", s.tls_cert,
              "Certificate and key, \"chain.pem:key.pem\"; several for several names and kinds"),
      setting("http.threads", h.threads, "I/O threads; 0 is one per core", 0u, 1024u),
      setting("http.disk-threads", h.disk_threads, "Threads that read and write files", 1u, 1024u),
      setting("http.public-url", h.public_url,
              "Base URL in torrents and magnets; default: the Host header"),
      setting("http.public-udp-url", h.public_udp_url,
              "UDP tracker in torrents and magnets, \"udp://host:port\"; default: not named"),
      setting("http.trusted-proxies", h.trusted_proxies,
              "Networks whose X-Forwarded-For is believed"),
      setting("http.proxy-protocol-from", h.proxy_protocol_from,
              "Networks whose connections must begin with a PROXY protocol header"),
      setting("http.connections-per-address", h.connections_per_address,
              "Connections of one client at once; 0 is no limit", 0u, 1'000'000u),
      setting("http.fast-lane", h.fast_lane, "Answer announces on the shortest way"),
      setting("http.unlimited-networks", t.unlimited_networks, "Networks without a rate limit"),
      setting("http.rate", t.rate_per_second, "Requests per second and address; 0 is no limit", 0.0,
              1e6),
      setting("http.burst", t.rate_burst, "Requests at once after a rest", 1.0, 1e6),
      setting("http.header-timeout", h.header_timeout, "To deliver a request header", int64_t{1},
              day),
      setting("http.idle-timeout", h.idle_timeout, "Keep-alive without a request", int64_t{1}, day),
      setting("http.stall-timeout", h.stall_timeout, "Transfer without a byte", int64_t{1}, day),
      setting("http.leave-notice", h.leave_notice,
              "From SIGTERM, when /health says 503, until no new connections are taken", int64_t{0},
              int64_t{300}),
  };
}

std::vector<option> tracker_options(shoald_config& c, staging& s) {
  auto& n = c.node;
  auto& t = c.tracker;
  return {
      setting("tracker.interval", s.interval, "Announce interval of an ordinary swarm", int64_t{1},
              day),
      setting("tracker.interval-min", s.interval_min,
              "Shortest interval, of young and small swarms; 0: that of an ordinary one",
              int64_t{0}, day),
      setting("tracker.interval-max", s.interval_max,
              "Longest interval, of large swarms, under load and after a restart; 0: twice that of "
              "an ordinary one",
              int64_t{0}, day),
      setting("tracker.announces-target", n.intervals.target_per_second,
              "Announces per second beyond which intervals grow; 0 is no bound", 0u, 100'000'000u),
      setting("tracker.interval-jitter", n.intervals.jitter_percent,
              "Interval varies by this percentage", 0u, 50u),
      setting("tracker.ws-interval", n.web_interval, "Announce interval over WebSocket", int64_t{1},
              day),
      also(setting("tracker.max-peers", t.max_peers, "Peers in a reply at most", 1u, 1000u),
           "MAX_PEERS"),
      also(setting("tracker.open-tracker", t.open, "Track unregistered info-hashes, too"),
           "OPEN_TRACKER"),
      secret(also(setting("tracker.tracker-secrets", t.secrets,
                          "Passkey secrets, the current one first; none: no passkeys"),
                  "TRACKER_SECRET")),
      setting("tracker.cluster-passkeys", c.cluster.passkeys,
              "Passkeys with a secret that the cluster's nodes share, instead of tracker-secrets"),
  };
}

std::vector<option> swarm_options(shoald_config& c) {
  auto& n = c.node;
  return {
      setting("tracker.private-network", n.private_network,
              "Hand out addresses like 10.0.0.1 and 127.0.0.1"),
      setting("tracker.keep-peer-ids", n.keep_peer_ids,
              "Remember peer ids for clients that want lists (compact=0); 20 bytes per peer"),
      setting("tracker.peer-policy", n.policy.names,
              "Peers to hand out first, in order: near, zone, agents, geo, origins; none: random"),
      setting("tracker.peer-policy-mix", n.policy.mix_percent,
              "Random peers beside those of the policy, in percent", 0u, 100u),
      setting("tracker.zones", n.policy.zones, "Networks of zones: \"NAME=NETWORK\""),
      setting("tracker.origin-networks", n.policy.origins, "Networks whose peers are origins"),
      setting("tracker.geoip-database", n.policy.geoip,
              "Files in MaxMind's format: country, ASN or both"),
      setting("tracker.swarms-max", n.bounds.swarms_max,
              "Swarms at most; registered ones always fit", size_t{1}, size_t{1'000'000'000}),
      setting("tracker.peers-max", n.bounds.peers_max, "Peers in all swarms at most", size_t{1},
              size_t{10'000'000'000}),
      setting("tracker.memory-max", n.bounds.memory_max_bytes,
              "Bytes of all swarms and peers; lowers the two bounds above; 0: whatever they take",
              size_t{0}, size_t{1} << 46),
      setting("tracker.new-swarms-rate", n.bounds.new_swarms_per_second,
              "Unregistered swarms that one address may begin per second; 0 is no limit", 0.0, 1e6),
      setting("tracker.new-swarms-burst", n.bounds.new_swarms_burst,
              "Unregistered swarms that one address may begin at once after a rest", 1.0, 1e6),
      setting("tracker.swarm-addresses-max", n.addresses_max, "Peers in a swarm at most", 2u,
              10'000'000u),
      setting("tracker.snapshot-period", n.snapshot_period, "Swarms are saved this often",
              int64_t{1}, day),
  };
}

std::vector<option> udp_options(shoald_config& c) {
  auto& u = c.udp;
  return {
      setting("udp.udp", u.enabled, "Answer announces over UDP, too"),
      setting("udp.udp-listen", u.listen, "Address and port; default: those of listen"),
      secret(
          setting("udp.udp-secret", u.secrets,
                  "Secrets of connection ids, the current one and the one before; nodes with the "
                  "same ones accept each other's; none: those of the file")),
      setting("udp.udp-secret-file", u.secret_file,
              "File that holds them, one per line, read again on SIGHUP; none: the node's own"),
      setting("udp.udp-ban-after", u.ban_after,
              "Bad connection ids in two minutes that ban an address; 0: no bans", 0u, 1'000'000u),
      setting("udp.udp-ban-time", u.ban_time, "Such a ban", int64_t{1}, day),
      setting("udp.udp-receive-buffer", u.receive_buffer_bytes,
              "Bytes that wait in the kernel, per thread and address", 1u << 16, 1u << 30),
  };
}

std::vector<option> registry_options(shoald_config& c) {
  auto& h = c.http;
  auto& n = c.node;
  return {
      secret(also(
          setting("registry.registry-key", h.registry_key, "Key for writes; none: writes are open"),
          "REGISTRY_KEY")),
      secret(setting("registry.admin-key", h.admin_key, "Key for /api/admin; none: switched off")),
      setting("registry.map-max", n.map_bytes_max, "Bytes that the registry may grow to",
              uint64_t{1} << 20, uint64_t{1} << 46),
  };
}

std::vector<option> webseed_options(shoald_config& c, staging& s) {
  auto& w = c.node.webseed;
  auto& o = w.client;
  return {
      also(setting("webseed.webseed-base-url", s.webseed_base_url,
                   "Origin of files that nobody has published here; none: only what is here"),
           "WEBSEED_BASE_URL"),
      setting("webseed.webseed-mirrors", s.webseed_mirrors,
              "Further origins with the same files, asked in order where one fails"),
      setting("webseed.mirror", s.mirror,
              "Which models are pulled, and registered once they are whole: on-demand (all), "
              "listed, or "
              "off (requests are redirected)"),
      setting("webseed.mirror-models", w.models, "Those of \"listed\": \"ns/name\" or \"ns/*\""),
      setting("webseed.mirror-restricted", w.mirror_restricted,
              "Register also what an origin gives to a token alone: everybody can find it then"),
      setting("webseed.webseed-fresh", w.fresh,
              "What an origin said about a name such as \"main\" is believed for so long",
              int64_t{0}, day),
      setting("webseed.webseed-check-first", w.check_first_bytes,
              "Files of up to so many bytes are checked whole before anybody gets a byte of them, "
              "where nobody knows the hashes of their pieces",
              uint64_t{0}, limits::object_bytes_max),
      also(setting("webseed.webseed-timeout-ms", s.webseed_timeout_ms,
                   "Milliseconds to connect to an origin, and without a byte from it", 1u,
                   3'600'000u),
           "WEBSEED_TIMEOUT_MS"),
      also(setting("webseed.webseed-user-agent", o.user_agent, "How origins see this node"),
           "WEBSEED_USER_AGENT"),
      setting("webseed.webseed-requests", o.requests_per_origin, "Requests to one origin at once",
              1u, 1000u),
      setting("webseed.webseed-bytes-per-second", o.bytes_per_second,
              "Bytes per second from one origin, all files together; 0: no limit", uint64_t{0},
              uint64_t{1} << 40),
      secret(setting("webseed.webseed-tokens", o.tokens,
                     "Bearer tokens, \"https://host=TOKEN\"; each is sent to its host alone")),
      setting("webseed.webseed-allow-private", s.webseed_allow_private,
              "Networks and hosts that origins may have though they are not of the Internet"),
      setting("webseed.webseed-proxy", o.proxy,
              "Proxy on the way to origins; \"environment\": that of http_proxy and the like"),
      setting("webseed.webseed-ca-file", o.ca_file,
              "Certificates that origins are checked with; none: the system's"),
  };
}

std::vector<option> object_options(shoald_config& c, staging& s) {
  auto& o = c.node.objects;
  return {
      setting("objects.cache-bytes-max", o.cache_bytes_max,
              "Bytes of objects that nobody needs to keep; beyond, the least useful ones go",
              uint64_t{0}, uint64_t{1} << 60),
      setting("objects.scrub-bytes-per-second", o.scrub_bytes_per_second,
              "Bytes per second that are read to verify objects; 0: none", uint64_t{0},
              uint64_t{1} << 40),
      setting("objects.upload-life", s.upload_life,
              "Until what was uploaded in part, or whole and never published, is let go of",
              int64_t{1}, 365 * day),
      setting("objects.in-place-roots", c.http.in_place_roots,
              "Folders whose files may be published in place; none: switched off"),
  };
}

std::vector<option> model_options(shoald_config& c) {
  auto& h = c.http;
  return {
      setting("models.guest-access", h.guest_access,
              "Sessions without a key may list and fetch model files (SwarmUI's dialect)"),
      setting("models.session-required", h.session_required,
              "Model files need a session or a key, not only their lists"),
      setting("models.session-life", h.session_life, "Sessions end after this time", int64_t{60},
              365 * day),
      setting("models.download-rate", h.downloads.all_bytes_per_second,
              "Bytes per second of all downloads of this node together; 0: no limit", uint64_t{0},
              uint64_t{1} << 50),
      setting("models.download-rate-each", h.downloads.each_bytes_per_second,
              "The same of one session, user or address", uint64_t{0}, uint64_t{1} << 50),
      setting("models.download-quota", h.downloads.each_bytes_per_day,
              "Bytes that one of them may fetch in a day; 0: no limit", uint64_t{0},
              uint64_t{1} << 60),
      setting("models.download-quota-all", h.downloads.all_bytes_per_day,
              "Bytes that all may fetch in a day; 0: no limit", uint64_t{0}, uint64_t{1} << 60),
      setting("models.signing-rotation", h.signing_rotation,
              "Manifests get a new signing key this often, the same for all nodes; 0: never",
              int64_t{0}, 3650 * day),
  };
}

std::vector<option> log_options(shoald_config& c, staging& s) {
  return {
      setting("log.log-level", c.log.level, "error, warn, info, debug or trace"),
      setting("log.log-format", s.log_format, "automatic, text or json"),
  };
}

} // namespace

std::vector<option> option_table(shoald_config& c, staging& s) {
  std::vector<option> table{
      setting("data-dir", s.data_dir, "Where the node keeps its data"),
  };
  auto append = [&table](std::vector<option> more) {
    table.insert(table.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
  };
  append(http_options(c, s));
  append(tracker_options(c, s));
  append(swarm_options(c));
  append(udp_options(c));
  append(registry_options(c));
  append(webseed_options(c, s));
  append(object_options(c, s));
  append(model_options(c));
  append(cluster_options(c.cluster));
  append(log_options(c, s));
  return table;
}

} // namespace shoal::cmd
