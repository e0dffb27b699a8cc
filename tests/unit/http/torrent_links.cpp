// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.torrent_links

#include "http/dialects/torrent_links.hpp"

#include "../protocol/torrent_content.hpp"
#include "http/dialects/revisions.hpp"
#include "protocol/magnet.hpp"
#include "protocol/metainfo.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;
using namespace std::literals;

namespace {

constexpr auto base = "https://host:1"sv;
const public_urls at{std::string{base}, ""};

using strings = std::vector<std::string>;

registry_entry published(std::string ref) {
  registry_entry entry;
  entry.name = "a b";
  entry.model_ref = std::move(ref);
  entry.hashes.v1 = info_hash::from_hex(std::string(40, 'b'));
  entry.hashes.v2 = sha256_digest::from_hex(std::string(64, 'a'));
  return entry;
}

std::string torrent_with(torrent_format format, torrent_links links, size_t files = 2) {
  std::map<std::string, std::string> content{{"a.bin", "aaaa"}};
  if (files > 1)
    content["b.bin"] = "bb";
  torrent_options options;
  options.name = "main";
  options.links = std::move(links);
  return build_torrent(test::content_of(content), format, options).value();
}

metainfo compose(std::string_view original, const torrent_links& ours) {
  return parse_metainfo(compose_published(original, ours, at).value()).value();
}

strings web_seeds_in(std::string_view torrent) {
  return parse_metainfo(torrent).value().web_seeds;
}

} // namespace

CAF_TEST(a passkey goes into the path of the tracker) {
  CAF_CHECK_EQUAL(tracker_list(at, ""),
                  (strings{"https://host:1/announce", "wss://host:1/announce"}));
  CAF_CHECK_EQUAL(tracker_list(at, "a/b.00"),
                  (strings{"https://host:1/announce/a%2Fb.00", "wss://host:1/announce/a%2Fb.00"}));
}

CAF_TEST(UDP shares a tier with HTTP and browsers have their own) {
  using tiers = std::vector<strings>;
  public_urls plain{"http://host", "udp://t:6969"};
  CAF_CHECK_EQUAL(tracker_tiers(plain, "u.0"),
                  (tiers{{"http://host/announce/u.0", "udp://t:6969/announce/u.0"},
                         {"ws://host/announce/u.0"}}));
}

CAF_TEST(the web seed is the folder above the revision) {
  CAF_CHECK_EQUAL(web_seeds_for(base, published("ns/name@v1")),
                  strings{"https://host:1/webseed/ns/name/"});
  CAF_CHECK_EQUAL(web_seeds_for(base, published("name@v1")),
                  strings{"https://host:1/webseed/name/"});
  CAF_CHECK(web_seeds_for(base, published("")).empty());
}

CAF_TEST(a private revision has no web seed) {
  auto entry = published("ns/name@v1");
  entry.is_private = true;
  CAF_CHECK(links_for(at, entry, "").web_seeds.empty());
  CAF_CHECK(parse_magnet(magnet_for(at, entry, ""))->web_seeds.empty());
}

CAF_TEST(links of the publisher stay behind ours) {
  torrent_links theirs;
  theirs.trackers = {{"http://other/announce", "https://host:1/announce/old.key",
                      "wss://host:1/announce/old.key"}};
  theirs.web_seeds = {"http://other/seed/"};
  auto ours = links_for(at, published("ns/name@main"), "u.0");
  auto made = compose(torrent_with(torrent_format::hybrid, theirs), ours);
  CAF_CHECK_EQUAL(made.trackers, (strings{"https://host:1/announce/u.0",
                                          "wss://host:1/announce/u.0", "http://other/announce"}));
  CAF_CHECK_EQUAL(made.web_seeds,
                  (strings{"https://host:1/webseed/ns/name/", "http://other/seed/"}));
}

CAF_TEST(other nodes are web seeds behind this one and no trackers) {
  public_urls all{std::string{base}, "", {"http://n2", "http://n3:8"}};
  auto entry = published("ns/name@main");
  auto ours = links_for(all, entry, "u.0");
  CAF_CHECK_EQUAL(ours.web_seeds,
                  (strings{"https://host:1/webseed/ns/name/", "http://n2/webseed/ns/name/",
                           "http://n3:8/webseed/ns/name/"}));
  CAF_CHECK_EQUAL(ours.trackers, tracker_tiers(at, "u.0"));
  for (auto files : {size_t{1}, size_t{2}}) {
    auto original = torrent_with(torrent_format::hybrid, {}, files);
    auto once = compose_published(original, ours, all).value();
    CAF_CHECK(compose_published(once, ours, all).value() == once);
    CAF_CHECK(parse_metainfo(once)->v2 == parse_metainfo(original)->v2);
  }
  entry.is_private = true;
  CAF_CHECK(links_for(all, entry, "").web_seeds.empty());
}

CAF_TEST(composing keeps the torrent what it is) {
  for (auto format : {torrent_format::hybrid, torrent_format::v1, torrent_format::v2}) {
    auto original = torrent_with(format, {});
    auto before = parse_metainfo(original).value();
    auto after = compose(original, links_for(at, published("ns/name@main"), ""));
    CAF_CHECK(after.v1 == before.v1);
    CAF_CHECK(after.v2 == before.v2);
  }
}

CAF_TEST(composing twice is composing once) {
  torrent_links theirs;
  theirs.web_seeds = {"http://other/seed/", "http://another/"};
  auto ours = links_for(at, published("ns/name@main"), "");
  for (auto format : {torrent_format::hybrid, torrent_format::v1, torrent_format::v2})
    for (auto files : {size_t{1}, size_t{2}}) {
      auto once = compose_published(torrent_with(format, theirs, files), ours, at).value();
      auto twice = compose_published(once, ours, at).value();
      CAF_CHECK_EQUAL(web_seeds_in(twice), web_seeds_in(once));
      CAF_CHECK(twice == once);
    }
}

CAF_TEST(what is no torrent is not composed) {
  CAF_CHECK(!compose_published("d4:infoe", {}, at));
}

CAF_TEST(a magnet names the torrent of its format) {
  auto entry = published("ns/name@main");
  auto twin = info_hash::from_hex(std::string(40, 'c'));
  auto read = [&](torrent_format format) {
    return parse_magnet(magnet_for(at, entry, "u.0", format)).value();
  };
  auto hybrid = read(torrent_format::hybrid);
  CAF_CHECK(hybrid.v1 == entry.hashes.v1);
  CAF_CHECK(hybrid.v2 == entry.hashes.v2);
  CAF_CHECK_EQUAL(hybrid.display_name, "a b");
  CAF_CHECK_EQUAL(hybrid.trackers,
                  (strings{"https://host:1/announce/u.0", "wss://host:1/announce/u.0"}));
  CAF_CHECK(read(torrent_format::v1).v1 == entry.hashes.v1);
  entry.hashes.twin = twin;
  CAF_CHECK(read(torrent_format::v1).v1 == twin);
  CAF_CHECK(!read(torrent_format::v1).v2);
  CAF_CHECK(!read(torrent_format::v2).v1);
}

CAF_TEST(the magnet of a revision with one file has the web seeds of its torrent) {
  auto web_seeds_of = [](torrent_format format, std::vector<manifest_file> files) {
    manifest m;
    m.id = *model_id::parse("ns/name");
    m.rev = "main";
    m.files = std::move(files);
    auto entry = published("ns/name@main");
    auto v1 = format == torrent_format::v2 ? std::nullopt : entry.hashes.v1;
    m.torrents.push_back({std::string{name(format)}, v1, entry.hashes.v2, *entry.hashes.v2});
    auto magnet = torrents_json(m, entry, at, "").at(0).at("magnet").get<std::string>();
    return parse_magnet(magnet).value().web_seeds;
  };
  auto one = manifest_file{"a b.bin", 4, *published("").hashes.v2, std::nullopt};
  auto other = manifest_file{"b.bin", 4, *published("").hashes.v2, std::nullopt};
  CAF_CHECK_EQUAL(web_seeds_of(torrent_format::hybrid, {one}),
                  (strings{"https://host:1/webseed/ns/name/main/a%20b.bin",
                           "https://host:1/webseed/ns/name/"}));
  CAF_CHECK_EQUAL(web_seeds_of(torrent_format::v2, {one}),
                  strings{"https://host:1/webseed/ns/name/main/"});
  CAF_CHECK_EQUAL(web_seeds_of(torrent_format::hybrid, {one, other}),
                  strings{"https://host:1/webseed/ns/name/"});
}
