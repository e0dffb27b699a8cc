// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.metainfo

#include "protocol/metainfo.hpp"

#include "core/limits.hpp"
#include "torrent_content.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

/// A v1 torrent of one file "a.bin" with `extra` in front of the end of the outer dictionary.
std::string single(const std::string& extra = {}, const std::string& announce = {}) {
  return "d" + announce + "4:infod6:lengthi5e4:name5:a.bin12:piece lengthi16384e6:pieces20:"
         + std::string(20, 'p') + "e" + extra + "e";
}

std::string sample(torrent_format format) {
  torrent_options options;
  options.name = "rev";
  options.created_by = "maker";
  options.links = {{{"http://old/announce"}}, {"http://old/seed/"}, "old comment"};
  return *build_torrent(
      test::content_of({{"a", std::string(70'000, 'a')}, {"b/c", std::string(10, 'b')}}), format,
      options);
}

std::string info_bytes(const std::string& torrent) {
  const auto at = torrent.find("4:infod");
  return torrent.substr(at, torrent.find("12:piece layers") - at);
}

} // namespace

CAF_TEST(a single file torrent has one file of its name) {
  const auto info = *parse_metainfo(single("8:url-list12:http://w/a.b", "8:announce10:http://t/a"));
  CAF_CHECK_EQUAL(info.name, "a.bin");
  CAF_REQUIRE_EQUAL(info.files.size(), 1u);
  CAF_CHECK_EQUAL(info.files[0].path, "a.bin");
  CAF_CHECK_EQUAL(info.total_size_bytes, 5u);
  CAF_CHECK_EQUAL(info.piece_count, 1u);
  CAF_CHECK(info.v1 && !info.v2 && !info.is_private);
  CAF_CHECK(info.trackers == std::vector<std::string>{"http://t/a"});
  CAF_CHECK(info.web_seeds == std::vector<std::string>{"http://w/a.b"});
}

CAF_TEST(a list of trackers replaces the single one and has no doubles) {
  const auto info = *parse_metainfo(single("", "8:announce3:x:y13:announce-listll3:a:a3:b:be"
                                               "l3:a:a3:c:cee"));
  CAF_CHECK(info.trackers == std::vector<std::string>({"a:a", "b:b", "c:c"}));
}

CAF_TEST(pads are told apart and do not count as content) {
  const auto info = *parse_metainfo(sample(torrent_format::hybrid));
  CAF_REQUIRE_EQUAL(info.files.size(), 4u);
  CAF_CHECK(!info.files[0].pad && info.files[1].pad && !info.files[2].pad && info.files[3].pad);
  CAF_CHECK_EQUAL(info.files[2].path, "b/c");
  CAF_CHECK_EQUAL(info.total_size_bytes, 70'010u);
  CAF_CHECK(info.files[0].pieces_root.has_value());
}

CAF_TEST(what is no torrent is refused) {
  for (std::string bytes : {"", "d", "de", "le", "i1e", "4:info", "d4:infode", "d4:infolee", "{}",
                            "d4:info3:abce", "d4:infod4:name1:ae", "d1:a1:be"})
    CAF_CHECK(!parse_metainfo(bytes));
  CAF_CHECK(parse_metainfo(std::string(limits::metainfo_bytes_max + 1, 'd')).error().code
            == ec::too_large);
  CAF_CHECK(!parse_metainfo(std::string(1000, 'l') + std::string(1000, 'e')));
}

CAF_TEST(names that lead out of the folder are refused) {
  auto named = [](std::string name) {
    auto torrent = single();
    return torrent.replace(torrent.find("5:a.bin"), 7, std::to_string(name.size()) + ":" + name);
  };
  CAF_CHECK(parse_metainfo(named("fine.bin")).has_value());
  for (std::string name : {"..", ".", "a/b", "../x", "\xff\xfe"})
    CAF_CHECK(!parse_metainfo(named(name)));
}

CAF_TEST(every truncation is refused) {
  const auto whole = sample(torrent_format::hybrid);
  for (size_t size = 0; size < whole.size(); ++size)
    CAF_CHECK(!parse_metainfo(std::string_view(whole).substr(0, size)));
}

CAF_TEST(a hybrid whose halves disagree is refused) {
  auto torrent = sample(torrent_format::hybrid);
  const auto at = torrent.find("6:lengthi10e4:path");
  CAF_REQUIRE(at != std::string::npos);
  torrent.replace(at, 11, "6:lengthi11e");
  CAF_CHECK(!parse_metainfo(torrent));
}

CAF_TEST(piece layers that do not fit their root are refused) {
  auto torrent = sample(torrent_format::v2);
  const auto at = torrent.find("12:piece layersd32:");
  CAF_REQUIRE(at != std::string::npos);
  torrent[at + 80] = static_cast<char>(torrent[at + 80] ^ 1);
  CAF_CHECK(!parse_metainfo(torrent));
}

CAF_TEST(a file that is no dictionary is refused) {
  auto torrent = sample(torrent_format::hybrid);
  const auto at = torrent.find("5:filesld");
  CAF_REQUIRE(at != std::string::npos);
  torrent[at + 8] = 'l';
  CAF_CHECK(!parse_metainfo(torrent));
}

CAF_TEST(composing keeps the info dictionary byte for byte) {
  for (auto format : {torrent_format::hybrid, torrent_format::v1, torrent_format::v2}) {
    const auto before = sample(format);
    const auto after = *compose_torrent(
        before, {{{"http://new/announce", "udp://new:1"}}, {"http://s/1/", "http://s/2/"}, {}});
    const auto old_info = *parse_metainfo(before);
    const auto new_info = *parse_metainfo(after);
    CAF_CHECK(info_bytes(before).substr(0, 200) == info_bytes(after).substr(0, 200));
    CAF_CHECK(old_info.v1 == new_info.v1 && old_info.v2 == new_info.v2);
    CAF_CHECK(new_info.trackers
              == std::vector<std::string>({"http://new/announce", "udp://new:1"}));
    CAF_CHECK(new_info.web_seeds == std::vector<std::string>({"http://s/1/", "http://s/2/"}));
    CAF_CHECK_EQUAL(new_info.comment, "old comment");
    CAF_CHECK_EQUAL(new_info.created_by, "maker");
  }
}

CAF_TEST(an info dictionary that is not canonical stays as it is) {
  // Keys out of order and a leading zero: re-encoding would change the info-hash.
  const std::string odd = "d4:infod4:name5:a.bin6:lengthi5e12:piece lengthi16384e6:pieces20:"
                          + std::string(20, 'p') + "e1:zi1ee";
  const auto composed = *compose_torrent(odd, {{{"http://t/a"}}, {}, "c"});
  CAF_CHECK_EQUAL(composed, "d8:announce10:http://t/a7:comment1:c" + odd.substr(1));
}

CAF_TEST(composing without links removes them all) {
  const auto bare = *compose_torrent(
      single("5:nodesll1:hi1eee8:url-list3:u:u", "8:announce3:x:y13:announce-listll3:a:aee"), {});
  CAF_CHECK_EQUAL(bare, single());
}

CAF_TEST(composing writes web seeds of one file as building does) {
  torrent_options options;
  options.name = "rev";
  const torrent_links links{{}, {"http://w/"}, {}};
  for (std::string path : {"m.bin", "a/m.bin"})
    for (auto format : {torrent_format::hybrid, torrent_format::v1, torrent_format::v2}) {
      options.links = {};
      const auto content = test::content_of({{path, "12345"}});
      const auto composed = *compose_torrent(*build_torrent(content, format, options), links);
      options.links = links;
      CAF_CHECK(composed == *build_torrent(content, format, options));
      const auto info = *parse_metainfo(composed);
      CAF_CHECK_EQUAL(info.name, "rev");
      CAF_REQUIRE(!info.files.empty());
      CAF_CHECK_EQUAL(info.files[0].path, path);
    }
}

CAF_TEST(composing with the web seeds of the torrent itself changes nothing) {
  torrent_options options;
  options.name = "rev";
  options.links.web_seeds = {"http://w/", "http://x/"};
  const auto torrent
      = *build_torrent(test::content_of({{"m.bin", "12345"}}), torrent_format::v1, options);
  const auto seeds = parse_metainfo(torrent)->web_seeds;
  CAF_CHECK_EQUAL(seeds.size(), 4u);
  CAF_CHECK(compose_torrent(torrent, {{}, seeds, {}}) == torrent);
}

CAF_TEST(the web seed of a torrent without a folder is the file) {
  const auto info = *parse_metainfo(*compose_torrent(single(), {{}, {"http://w/"}, {}}));
  CAF_CHECK(info.web_seeds == std::vector<std::string>{"http://w/a.bin"});
}

CAF_TEST(composing refuses what is no torrent) {
  for (std::string bytes : {"", "de", "le", "d4:infolee"})
    CAF_CHECK(!compose_torrent(bytes, {}));
}
