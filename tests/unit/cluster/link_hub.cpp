// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.link_hub

#include "core/limits.hpp"
#include "tests/unit/cluster/support/hub_node.hpp"

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;

namespace {

/// Certificates are made once: it takes a while.
dev_certs& certs() {
  static dev_certs made{"a b c"};
  return made;
}

void copy(const std::string& from, const std::string& to) {
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
}

} // namespace

CAF_TEST(two nodes find each other and ask each other) {
  hub_node a{"a", 1, certs().of("a")};
  hub_node b{"b", 2, certs().of("b")};
  introduce(a, b);
  await_link(a, b);
  CAF_CHECK(a.ask("b", echo, "from a") == std::string{"from a"});
  CAF_CHECK(b.ask("a", echo, "from b") == std::string{"from b"});
  std::string large(limits::link_body_bytes_max, 'x');
  CAF_CHECK(b.ask("a", echo, large) == large);
  CAF_CHECK(b.ask("a", echo, large + 'x').error().code == ec::too_large);
  CAF_CHECK(b.ask("a", 99, "").error().code == ec::unsupported);
  CAF_CHECK(b.ask("c", echo, "").error().code == ec::unavailable);
  auto report = b.report();
  CAF_REQUIRE_EQUAL(report.links.size(), 1u);
  CAF_CHECK_EQUAL(report.links[0].node, "a");
  CAF_CHECK_GREATER(report.links[0].bytes_out, limits::link_body_bytes_max);
  CAF_CHECK_EQUAL(report.strangers, 0u);
}

CAF_TEST(many messages at once are all answered) {
  hub_node a{"a", 1, certs().of("a")};
  hub_node b{"b", 2, certs().of("b")};
  introduce(a, b);
  await_link(a, b);
  constexpr unsigned total = 10'000;
  std::atomic<unsigned> answered = 0;
  std::atomic<unsigned> failed = 0;
  for (unsigned i = 0; i < total; ++i)
    b.hub->call("a", echo, std::to_string(i), mono_now() + std::chrono::seconds{20},
                [&, i](auto got) { got == std::to_string(i) ? ++answered : ++failed; });
  eventually([&] { return answered + failed == total; });
  CAF_CHECK_EQUAL(failed.load(), 0u);
}

CAF_TEST(whoever waits gets an error when the other node goes) {
  hub_node a{"a", 1, certs().of("a")};
  auto b = std::make_unique<hub_node>("b", 2, certs().of("b"));
  introduce(a, *b);
  await_link(a, *b);
  std::promise<result<std::string>> theirs;
  std::promise<result<std::string>> ours;
  auto soon = mono_now() + std::chrono::seconds{20};
  a.hub->call("b", keep, "", soon, [&](auto got) { theirs.set_value(got); });
  b->hub->call("a", keep, "", soon, [&](auto got) { ours.set_value(got); });
  eventually([&] {
    std::scoped_lock guard{a.mutex, b->mutex};
    return a.kept.size() == 1 && b->kept.size() == 1;
  });
  b.reset();
  CAF_CHECK(ours.get_future().get().error().code == ec::timeout);
  CAF_CHECK(theirs.get_future().get().error().code == ec::timeout);
  eventually([&] { return a.downs == 1u; });
  CAF_CHECK_EQUAL(a.heard(link_refusal::shutting_down), 1u);
  CAF_CHECK(a.last_words.find("'b' leaves") != std::string::npos);
  CAF_MESSAGE("and it is linked again when it comes back");
  b = std::make_unique<hub_node>("b", 3, certs().of("b"));
  introduce(a, *b);
  await_link(a, *b);
  CAF_CHECK(a.ask("b", echo, "x") == std::string{"x"});
}

CAF_TEST(every call has an outcome while the hub ends) {
  hub_node a{"a", 1, certs().of("a")};
  auto b = std::make_unique<hub_node>("b", 2, certs().of("b"));
  introduce(a, *b);
  await_link(a, *b);
  auto* hub = b->hub.get();
  constexpr unsigned at_once = 50;
  std::atomic<unsigned> asked = 0;
  std::atomic<unsigned> answered = 0;
  std::function<void(result<std::string>)> again = [&](auto got) {
    ++answered;
    if (got || got.error().code == ec::timeout) { // Whoever hears that it is late asks once more.
      ++asked;
      hub->call("a", echo, "x", mono_now() + std::chrono::seconds{20}, again);
    }
  };
  for (unsigned i = 0; i < at_once; ++i)
    again(std::string{"begin"});
  eventually([&] { return answered > 1000; });
  b.reset();
  CAF_CHECK_EQUAL(answered.load(), asked + at_once);
}

CAF_TEST(a certificate that names another node is refused and both sides say why) {
  hub_node a{"a", 1, certs().of("a")};
  hub_node liar{"b", 2, certs().of("c")};
  introduce(a, liar);
  eventually([&] { return liar.heard(link_refusal::wrong_certificate) > 0; });
  CAF_CHECK_GREATER(a.said(link_refusal::wrong_certificate), 0u);
  CAF_CHECK_EQUAL(a.ups + liar.ups, 0u);

  CAF_MESSAGE("the one that is dialed too");
  hub_node false_a{"a", 1, certs().of("c")};
  hub_node b{"b", 2, certs().of("b")};
  introduce(false_a, b);
  eventually([&] { return false_a.heard(link_refusal::wrong_certificate) > 0; });
  CAF_CHECK_GREATER(b.said(link_refusal::wrong_certificate), 0u);
  CAF_CHECK_EQUAL(false_a.ups + b.ups, 0u);
}

CAF_TEST(settings that differ are refused over the network too) {
  hub_node a{"a", 1, certs().of("a")};
  hub_node b{"b", 2, certs().of("b"), [](auto& cfg) { cfg.self.fingerprint = 8; }};
  introduce(a, b);
  eventually([&] { return b.heard(link_refusal::skewed_config) > 0; });
  CAF_CHECK_GREATER(a.said(link_refusal::skewed_config), 0u);
}

CAF_TEST(certificates are read again without a restart) {
  dev_certs mine{"a b"};
  dev_certs others{"a b"};
  hub_node a{"a", 1, mine.of("a")};
  for (auto file : {"ca.pem", "a.pem", "a.key"})
    copy(others.file(file), mine.file(file));
  CAF_REQUIRE(a.hub->reload_certificates());
  hub_node stranger{"b", 2, certs().of("b")};
  hub_node b{"b", 2, others.of("b")};
  stranger.hub->follow({a.record()});
  introduce(a, b);
  await_link(a, b);
  eventually([&] { return stranger.report().totals.dials > 2; });
  CAF_CHECK_EQUAL(stranger.ups.load(), 0u);

  CAF_MESSAGE("what cannot be used changes nothing");
  copy(mine.file("b.key"), mine.file("a.key"));
  auto refused = a.hub->reload_certificates();
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == ec::invalid_argument);
  CAF_CHECK(b.ask("a", echo, "x") == std::string{"x"});
}

CAF_TEST(plain links are for this machine and must be asked for) {
  link_hub_config cfg;
  cfg.self = {"test", "a", 1, 7, 1, 1};
  cfg.listen = {ip_address::v4({127, 0, 0, 1}), 0};
  CAF_CHECK(link_hub::start(cfg).error().code == ec::invalid_argument);
  cfg.insecure = true;
  cfg.listen.address = ip_address::v4({0, 0, 0, 0});
  CAF_CHECK(link_hub::start(cfg).error().code == ec::invalid_argument);
  auto plainly = [](auto& x) { x.insecure = true; };
  hub_node a{"a", 1, {}, plainly};
  hub_node b{"b", 2, {}, plainly};
  introduce(a, b);
  await_link(a, b);
  CAF_CHECK(a.ask("b", echo, "x") == std::string{"x"});
}
