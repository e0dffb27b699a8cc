// SPDX-License-Identifier: Apache-2.0
// Against a real etcd that wants certificates, or passwords.
#define CAF_SUITE cluster.etcd_secure

#include "tests/unit/cluster/support/etcd_process.hpp"

#include <fstream>

using namespace shoal;
using namespace shoal::coordination;
using namespace shoal::test;
using namespace std::literals;

namespace {

/// An authority and what it vouches for.
class certificates {
public:
  certificates() {
    authority("ca");
    authority("other-ca");
    issue("server", "ca", "IP:127.0.0.1,DNS:localhost");
    issue("misnamed", "ca", "DNS:etcd.example");
    issue("node", "ca", "DNS:node");
    issue("stranger", "other-ca", "DNS:node");
  }

  std::string cert(const std::string& name) const { return file(name + ".pem"); }
  std::string key(const std::string& name) const { return file(name + ".key"); }

  etcd_cluster::options server(const std::string& name) const {
    return {1,
            true,
            {"--cert-file", cert(name), "--key-file", key(name), "--trusted-ca-file", cert("ca"),
             "--client-cert-auth"}};
  }

private:
  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

  void authority(const std::string& name) const {
    output_of(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN="
        + name + " -keyout " + key(name) + " -out " + cert(name));
  }

  void issue(const std::string& name, const std::string& by, const std::string& names) const {
    std::ofstream{file(name + ".ext")} << "subjectAltName=" << names
                                       << "\nextendedKeyUsage=serverAuth,clientAuth\n";
    output_of("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name
              + " -keyout " + key(name) + " -out " + file(name + ".csr"));
    output_of("openssl x509 -req -days 2 -CAcreateserial -in " + file(name + ".csr") + " -CA "
              + cert(by) + " -CAkey " + key(by) + " -extfile " + file(name + ".ext") + " -out "
              + cert(name));
  }

  temp_folder folder_;
};

struct fixture : loop {
  std::unique_ptr<etcd_client> client(const etcd_cluster& to, const std::string& authority,
                                      const std::string& name) {
    etcd_config cfg;
    cfg.endpoints = to.urls();
    cfg.ca_file = files.cert(authority);
    if (!name.empty()) {
      cfg.cert_file = files.cert(name);
      cfg.key_file = files.key(name);
    }
    return std::move(etcd_client::make(io, cfg).value());
  }

  certificates files;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(etcd_secure_tests, fixture)

CAF_TEST(certificates of both sides are looked at) {
  etcd_cluster server{files.server("server")};
  auto good = client(server, "ca", "node");
  await(*this, *good);
  CAF_CHECK(commit(*this, *good, put("tls/a", "1")).has_value());
  recorder seen;
  auto held = good->follow("tls/", prefix_end("tls/"), 1, seen);
  until([&] { return !seen.changes.empty() || seen.ended(); });
  CAF_CHECK(seen.losses.empty());

  CAF_MESSAGE("an authority that did not vouch for the server");
  auto wary = client(server, "other-ca", "node");
  auto refused = commit(*this, *wary, put("tls/b", "1"));
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == ec::unavailable);
  CAF_CHECK(refused.error().detail.find("certificate verify failed") != std::string::npos);

  CAF_MESSAGE("clients without a certificate, or with one of somebody else");
  for (auto name : {"", "stranger"}) {
    auto unknown = client(server, "ca", name);
    auto turned_away = commit(*this, *unknown, put("tls/b", "1"));
    // The alert may be lost behind a reset: then nobody knows.
    CAF_CHECK(!turned_away);
    CAF_CHECK(turned_away.error().code == ec::unavailable
              || turned_away.error().code == ec::timeout);
  }
  CAF_CHECK(read(*this, *good, all_of("tls/"))->keys.size() == 1);
}

CAF_TEST(a certificate of another host is not accepted) {
  etcd_cluster server{files.server("misnamed")};
  auto good = client(server, "ca", "node");
  error last{};
  until([&] { // Until somebody listens.
    auto got = commit(*this, *good, put("a", "1"));
    CAF_REQUIRE(!got);
    last = got.error();
    return last.detail.find("refused") == std::string::npos;
  });
  CAF_CHECK(last.code == ec::unavailable);
  CAF_MESSAGE(last.detail);
  CAF_CHECK(last.detail.find("certificate verify failed") != std::string::npos);
}

CAF_TEST(certificates that cannot be read are told by name) {
  etcd_config cfg;
  cfg.endpoints = {"https://127.0.0.1:1"};
  cfg.ca_file = "/nowhere/ca.pem";
  auto made = etcd_client::make(io, cfg);
  CAF_REQUIRE(!made);
  CAF_CHECK(made.error().detail.find("/nowhere/ca.pem") != std::string::npos);
}

CAF_TEST(a password opens what its role may see and outlives a restart) {
  etcd_cluster server;
  connect(*this, server);
  for (auto words :
       {"user add root:rootpw", "role add shoal",
        "role grant-permission shoal --prefix=true readwrite shoal/", "user add shoal:secret",
        "user grant-role shoal shoal", "user grant-role root root", "auth enable"})
    server.ctl(words);
  etcd_config cfg;
  cfg.endpoints = server.urls();
  auto nobody = std::move(etcd_client::make(io, cfg).value());
  auto refused = commit(*this, *nobody, put("shoal/a", "1"));
  CAF_CHECK(!refused && refused.error().code == ec::unauthorized);

  cfg.user = "shoal";
  cfg.password = "secret";
  auto etcd = std::move(etcd_client::make(io, cfg).value());
  CAF_CHECK(commit(*this, *etcd, put("shoal/a", "1")).has_value());
  auto outside = commit(*this, *etcd, put("elsewhere", "1"));
  CAF_CHECK(!outside && outside.error().code == ec::unauthorized);
  recorder seen;
  auto held = etcd->follow("shoal/", prefix_end("shoal/"), 1, seen);
  until([&] { return !seen.changes.empty() || seen.ended(); });
  CAF_CHECK(seen.losses.empty());

  CAF_MESSAGE("tokens live in the member's memory");
  server.kill(0);
  until([&] { return seen.ended(); });
  server.start(0);
  std::optional<result<transaction_result>> again;
  until([&] {
    again = commit(*this, *etcd, put("shoal/b", "1"));
    return again->has_value() || again->error().code == ec::unauthorized;
  });
  CAF_CHECK(again->has_value());
  recorder resumed;
  auto next
      = etcd->follow("shoal/", prefix_end("shoal/"), seen.changes.back().revision + 1, resumed);
  until([&] { return !resumed.changes.empty() || resumed.ended(); });
  CAF_CHECK(resumed.losses.empty());

  cfg.password = "wrong";
  auto wrong = std::move(etcd_client::make(io, cfg).value());
  auto denied = commit(*this, *wrong, put("shoal/a", "1"));
  CAF_CHECK(!denied && denied.error().code == ec::unauthorized);
}

CAF_TEST_FIXTURE_SCOPE_END()
