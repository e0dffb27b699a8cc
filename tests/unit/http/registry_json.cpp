// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.registry_json

#include "http/dialects/registry_json.hpp"

#include "../protocol/torrent_content.hpp"
#include "results.hpp"

#include <boost/beast/core/detail/base64.hpp>
#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;
using namespace shoal::test;
using namespace std::literals;

namespace {

const auto v2 = std::string(64, 'a');
const auto v1 = std::string(40, 'b');

std::string encode64(std::string_view bytes) {
  namespace base64 = boost::beast::detail::base64;
  std::string out(base64::encoded_size(bytes.size()), '\0');
  out.resize(base64::encode(out.data(), bytes.data(), bytes.size()));
  return out;
}

std::string torrent_of(torrent_format format, bool is_private = false) {
  auto content = test::content_of({{"a.bin", std::string(40'000, 'a')}, {"b.bin", "bb"}});
  torrent_options options;
  options.name = "main";
  options.is_private = is_private;
  return build_torrent(content, format, options).value();
}

std::string body_with(std::string_view hash, std::string_view torrent,
                      std::string_view more = R"("name":"x")") {
  return "{\"info_hash\":\"" + std::string{hash} + "\",\"torrent_data\":\"" + encode64(torrent)
         + "\"," + std::string{more} + "}";
}

result<search_query> search(std::string_view raw) {
  return parse_search(query_params::parse(raw).value());
}

} // namespace

CAF_TEST(an entry shows what it has) {
  registry_entry entry;
  entry.hashes.v2 = sha256_digest::from_hex(v2);
  entry.hashes.v1 = info_hash::from_hex(v1);
  entry.name = "n\"";
  entry.tags = "a,b";
  entry.size_bytes = 5;
  entry.verified = true;
  entry.completions = 3;
  entry.seeders = 2;
  entry.leechers = 1;
  CAF_CHECK_EQUAL(dump_json(to_json(entry)),
                  "{\"info_hash\":\"" + v2 + "\",\"v1_info_hash\":\"" + v1
                      + "\",\"name\":\"n\\\"\",\"verified\":true,\"completions\":3,\"size\":5,"
                        "\"tags\":\"a,b\",\"seeders\":2,\"leechers\":1}");
}

CAF_TEST(an entry leaves out what it does not have) {
  registry_entry entry;
  entry.hashes.v1 = info_hash::from_hex(v1);
  entry.name = "n";
  CAF_CHECK_EQUAL(dump_json(to_json(entry)),
                  "{\"info_hash\":\"" + v1
                      + "\",\"name\":\"n\",\"verified\":false,\"completions\":0,\"seeders\":0,"
                        "\"leechers\":0}");
}

CAF_TEST(hashes have forty or sixty four digits) {
  CAF_CHECK_EQUAL(parse_hash(v1).value_or("").size(), 20u);
  CAF_CHECK_EQUAL(parse_hash(v2).value_or("").size(), 32u);
  CAF_CHECK_EQUAL(parse_hash("AB" + v1.substr(2)), parse_hash("ab" + v1.substr(2)));
  for (auto& text : {""s, "abc123"s, v1 + "b", v2.substr(1), std::string(40, 'g')})
    CAF_CHECK(!parse_hash(text));
}

CAF_TEST(a registration is read) {
  auto made = parse_registration("{\"info_hash\":\"" + v2 + "\",\"v1_info_hash\":\"" + v1
                                 + "\",\"name\":\"n\",\"size\":9,\"publisher\":\"p\",\"x\":[[]]}");
  CAF_REQUIRE(made);
  CAF_CHECK_EQUAL(made->entry.hashes.v2->hex(), v2);
  CAF_CHECK_EQUAL(made->entry.hashes.v1->hex(), v1);
  CAF_CHECK_EQUAL(made->entry.name, "n");
  CAF_CHECK_EQUAL(made->entry.publisher, "p");
  CAF_CHECK_EQUAL(made->entry.size_bytes, 9u);
  CAF_CHECK(made->torrent.empty());
}

CAF_TEST(a registration needs a hash and a name) {
  for (auto& text : {"{}"s, "{\"name\":\"n\"}"s, "{\"info_hash\":\"" + v2 + "\"}",
                     "{\"info_hash\":\"" + v2 + "\",\"name\":\"\"}"})
    CAF_CHECK_EQUAL(code_of(parse_registration(text)), ec::missing_argument);
}

CAF_TEST(a body that does not decode is named so) {
  for (auto text : {"{", "[]", R"({"name":1})", R"({"size":"1"})", R"({"torrent_data":7})"}) {
    auto made = parse_registration(text);
    CAF_REQUIRE(!made);
    CAF_CHECK_EQUAL(made.error(), (error{ec::invalid_argument, "Invalid JSON body"}));
  }
}

CAF_TEST(hashes that are none or contradict each other are refused) {
  auto with = [](std::string_view first, std::string_view second) {
    return parse_registration("{\"name\":\"n\",\"info_hash\":\"" + std::string{first}
                              + "\",\"v1_info_hash\":\"" + std::string{second} + "\"}");
  };
  CAF_CHECK_EQUAL(code_of(with("abc", "")), ec::invalid_argument);
  CAF_CHECK_EQUAL(code_of(with(v2, "abc")), ec::invalid_argument);
  CAF_CHECK_EQUAL(code_of(with(v1, std::string(40, 'c'))), ec::invalid_argument);
  CAF_CHECK(with(v1, v1));
}

CAF_TEST(a torrent fills in what was not said) {
  auto torrent = torrent_of(torrent_format::hybrid, true);
  auto known = parse_metainfo(torrent).value();
  for (auto& hash : {known.v2->hex(), known.v1->hex(), truncate(*known.v2).hex()}) {
    auto made = parse_registration(body_with(hash, torrent));
    CAF_REQUIRE(made);
    CAF_CHECK(made->entry.hashes.v2 == known.v2);
    CAF_CHECK(made->entry.hashes.v1 == known.v1);
    CAF_CHECK_EQUAL(made->entry.size_bytes, 40'002u);
    CAF_CHECK(made->entry.is_private);
    CAF_CHECK_EQUAL(made->torrent, torrent);
  }
  auto sized = parse_registration(body_with(known.v2->hex(), torrent, R"("name":"x","size":7)"));
  CAF_CHECK_EQUAL(sized->entry.size_bytes, 7u);
}

CAF_TEST(a torrent of another hash is refused) {
  auto hybrid = torrent_of(torrent_format::hybrid);
  auto only_v1 = torrent_of(torrent_format::v1);
  auto v2_of_hybrid = parse_metainfo(hybrid)->v2->hex();
  CAF_CHECK(!parse_registration(body_with(v2, hybrid)));
  CAF_CHECK(!parse_registration(body_with(v1, hybrid)));
  CAF_CHECK(!parse_registration(body_with(v2_of_hybrid, only_v1)));
  auto other = "\"name\":\"x\",\"v1_info_hash\":\"" + v1 + "\"";
  CAF_CHECK(!parse_registration(body_with(v2_of_hybrid, hybrid, other)));
  for (auto bytes : {"!!!"sv, "d4:infoe"sv, ""sv}) {
    auto made = parse_registration(body_with(v2, bytes));
    CAF_CHECK_EQUAL(made.has_value(), bytes.empty()); // No torrent is fine.
  }
}

CAF_TEST(only a torrent makes a big body legitimate) {
  auto filler = "\"name\":\"x\",\"y\":\"" + std::string(limits::json_body_bytes_max, 'y') + "\"";
  auto torrent = torrent_of(torrent_format::v1);
  auto hash = parse_metainfo(torrent)->v1->hex();
  CAF_CHECK(parse_registration(body_with(hash, torrent, filler)));
  CAF_CHECK_EQUAL(code_of(parse_registration(body_with(hash, "", filler))), ec::too_large);
}

CAF_TEST(meta lists files without pads) {
  auto meta = to_json(parse_metainfo(torrent_of(torrent_format::hybrid)).value());
  CAF_CHECK_EQUAL(dump_json(meta), R"({"name":"main","piece_length":16384,"piece_count":4,)"
                                   R"("total_size":40002,"files":[{"path":"a.bin",)"
                                   R"("length":40000},{"path":"b.bin","length":2}]})");
}

CAF_TEST(a search has defaults) {
  auto query = search("");
  CAF_REQUIRE(query);
  CAF_CHECK_EQUAL(query->limit, 50u);
  CAF_CHECK_EQUAL(query->offset, 0u);
  CAF_CHECK(query->sort == search_sort::created_at);
}

CAF_TEST(a search says what it wants) {
  auto query = search("q=a+b&category=c&publisher=p&tags=t&sort=seeders&limit=7&offset=10000");
  CAF_REQUIRE(query);
  CAF_CHECK_EQUAL(query->q, "a b");
  CAF_CHECK_EQUAL(query->category, "c");
  CAF_CHECK_EQUAL(query->publisher, "p");
  CAF_CHECK_EQUAL(query->tags, "t");
  CAF_CHECK_EQUAL(query->limit, 7u);
  CAF_CHECK_EQUAL(query->offset, 10'000u);
  CAF_CHECK(query->sort == search_sort::seeders);
  CAF_CHECK(search("sort=completions")->sort == search_sort::completions);
}

CAF_TEST(limits and offsets are bounded) {
  CAF_CHECK_EQUAL(value_of(search("limit=1000")).limit, 100u);
  for (auto raw : {"limit=0", "limit=-1", "limit=x", "limit=", "limit=99999999999999999999"})
    CAF_CHECK_EQUAL(value_of(search(raw)).limit, 50u);
  for (auto raw : {"offset=-1", "offset=x", "offset=1x"})
    CAF_CHECK_EQUAL(value_of(search(raw)).offset, 0u);
  CAF_CHECK(!search("offset=10001"));
}
