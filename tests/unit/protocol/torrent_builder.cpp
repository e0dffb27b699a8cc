// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.torrent_builder

#include "protocol/torrent_builder.hpp"

#include "protocol/metainfo.hpp"
#include "torrent_content.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

const std::map<std::string, std::string> sample_files = {{"a/one.bin", std::string(40'000, 'a')},
                                                         {"a/two.bin", std::string(100, 'b')},
                                                         {"empty", ""},
                                                         {"z.bin", std::string(16'384, 'z')}};

std::string build(const torrent_content& content, torrent_format format,
                  const torrent_options& options) {
  auto torrent = build_torrent(content, format, options);
  CAF_REQUIRE(torrent.has_value());
  return *torrent;
}

ec refusal(const torrent_content& content, torrent_format format = torrent_format::hybrid,
           std::string name = "rev") {
  torrent_options options;
  options.name = std::move(name);
  auto torrent = build_torrent(content, format, options);
  CAF_REQUIRE(!torrent);
  return torrent.error().code;
}

} // namespace

CAF_TEST(one to four thousand pieces within the bounds) {
  constexpr uint64_t mib = 1024 * 1024;
  auto choose = [](uint64_t size) { return choose_piece_length(std::vector{size}); };
  CAF_CHECK_EQUAL(choose_piece_length({}), 16u * 1024);
  CAF_CHECK_EQUAL(choose(0), 16u * 1024);
  CAF_CHECK_EQUAL(choose(20 * mib), 16u * 1024);
  for (uint64_t size : {100 * mib, 1024 * mib, 5000 * mib, 16'000 * mib}) {
    const uint64_t pieces = size / choose(size);
    CAF_CHECK(pieces >= 1000 && pieces <= 4000);
  }
  CAF_CHECK_EQUAL(choose(140'000 * mib), 16u * mib);
  CAF_CHECK_EQUAL(choose(~uint64_t{0}), 16u * mib);
}

CAF_TEST(pads of many small files are never more than the files) {
  std::vector<uint64_t> sizes(20'000, 100'000);
  CAF_CHECK_EQUAL(choose_piece_length(sizes), 128u * 1024);
  sizes.assign(20'000, 1);
  CAF_CHECK_EQUAL(choose_piece_length(sizes), 16u * 1024);
  sizes.assign(20, 500'000'000);
  CAF_CHECK_EQUAL(choose_piece_length(sizes), 8u * 1024 * 1024);
}

CAF_TEST(paths are ordered segment by segment) {
  CAF_CHECK(path_less("a/z", "a.txt"));
  CAF_CHECK(path_less("a", "a/b"));
  CAF_CHECK(path_less("a-b", "\xc3\xbc"));
  CAF_CHECK(!path_less("a", "a"));
}

CAF_TEST(every format tells the files and its own hashes) {
  const auto content = test::content_of(sample_files);
  torrent_options options;
  options.name = "rev";
  options.is_private = true;
  options.created_by = "shoal";
  options.created_at = 1'700'000'000;
  options.links = {{{"http://t/announce"}, {"udp://u:1"}}, {"http://w/s/"}, "a comment"};
  for (auto format : {torrent_format::hybrid, torrent_format::v1, torrent_format::v2}) {
    CAF_MESSAGE("format " << std::string(name(format)));
    const auto info = *parse_metainfo(build(content, format, options));
    CAF_CHECK_EQUAL(info.name, "rev");
    CAF_CHECK_EQUAL(info.total_size_bytes, 56'484u);
    CAF_CHECK_EQUAL(info.piece_length_bytes, 16'384u);
    CAF_CHECK(info.is_private);
    CAF_CHECK_EQUAL(info.v1.has_value(), format != torrent_format::v2);
    CAF_CHECK_EQUAL(info.v2.has_value(), format != torrent_format::v1);
    CAF_CHECK(info.trackers == std::vector<std::string>({"http://t/announce", "udp://u:1"}));
    CAF_CHECK(info.web_seeds == std::vector<std::string>{"http://w/s/"});
    CAF_CHECK_EQUAL(info.comment, "a comment");
    CAF_CHECK_EQUAL(info.created_by, "shoal");
    std::string paths;
    for (auto& file : info.files)
      if (!file.pad)
        paths += file.path + "|";
    CAF_CHECK_EQUAL(paths, "a/one.bin|a/two.bin|empty|z.bin|");
  }
}

CAF_TEST(the private flag and the name change the info hash but links do not ) {
  const auto content = test::content_of(sample_files);
  torrent_options options;
  options.name = "rev";
  const auto plain = *parse_metainfo(build(content, torrent_format::hybrid, options));
  options.links = {{{"http://t/announce"}}, {}, "x"};
  CAF_CHECK(parse_metainfo(build(content, torrent_format::hybrid, options))->v1 == plain.v1);
  options.is_private = true;
  CAF_CHECK(parse_metainfo(build(content, torrent_format::hybrid, options))->v1 != plain.v1);
  options.is_private = false;
  options.name = "rev2";
  CAF_CHECK(parse_metainfo(build(content, torrent_format::hybrid, options))->v2 != plain.v2);
}

CAF_TEST(web seeds of one file are written as clients need them) {
  using urls = std::vector<std::string>;
  auto seeds = [](const std::string& path, torrent_format format, std::string url) {
    torrent_options options;
    options.name = "rev";
    options.links.web_seeds = {std::move(url)};
    const auto content = test::content_of({{path, std::string(50'000, 'm')}});
    return parse_metainfo(build(content, format, options))->web_seeds;
  };
  const urls both{"http://w/n/rev/m%231.bin", "http://w/n/"};
  CAF_CHECK(seeds("m#1.bin", torrent_format::v1, "http://w/n/") == both);
  CAF_CHECK(seeds("m#1.bin", torrent_format::hybrid, "http://w/n/") == both);
  CAF_CHECK(seeds("m#1.bin", torrent_format::v2, "http://w/n/") == urls{"http://w/n/rev/"});
  CAF_CHECK(seeds("a/b", torrent_format::v2, "http://w/n/") == urls{"http://w/n/"});
  CAF_CHECK(seeds("a/b", torrent_format::v1, "http://w/n/")
            == (urls{"http://w/n/rev/a/b", "http://w/n/"}));
  CAF_CHECK(seeds("a", torrent_format::v1, "http://w/exact") == urls{"http://w/exact"});
}

CAF_TEST(content that cannot be a torrent is refused) {
  const auto good = test::content_of(sample_files);
  CAF_CHECK(refusal(test::content_of({{"empty", ""}})) == ec::invalid_argument);
  CAF_CHECK(refusal({}) == ec::invalid_argument);
  for (auto name : {"", "..", ".", "a/b", "\xff"})
    CAF_CHECK(refusal(good, torrent_format::v1, name) == ec::invalid_argument);
  auto doubled = good;
  doubled.files.push_back(doubled.files.back());
  CAF_CHECK(refusal(doubled) == ec::invalid_argument);
  auto disordered = good;
  std::swap(disordered.files[0], disordered.files[1]);
  CAF_CHECK(refusal(disordered) == ec::invalid_argument);
  CAF_CHECK(refusal(test::content_of({{"a", "1"}, {"a/b", "2"}})) == ec::invalid_argument);
  CAF_CHECK(refusal(test::content_of({{"../a", "1"}})) == ec::invalid_argument);
  auto incomplete = good;
  incomplete.files[0].piece_layer.pop_back();
  CAF_CHECK(refusal(incomplete) == ec::invalid_argument);
  auto no_stream = good;
  no_stream.v1_stream_pieces.clear();
  CAF_CHECK(refusal(no_stream, torrent_format::v1) == ec::invalid_argument);
}
