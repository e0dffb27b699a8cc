// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE load.http_requests

#include "cmd/load/http_requests.hpp"

#include "protocol/announce.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::load;

namespace {

const endpoint host{*ip_address::parse("127.0.0.1"), 6969};

std::optional<trouble> judged(request_kind asked, std::string body, uint64_t& peers,
                              std::string status = "200 OK") {
  response_reader reader;
  auto text = "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size())
              + "\r\n\r\n" + body;
  std::string_view view = text;
  CAF_REQUIRE(reader.feed(view) == response_reader::progress::whole);
  return judge(asked, reader, peers);
}

std::optional<trouble> judged(request_kind asked, std::string body) {
  uint64_t ignored = 0;
  return judged(asked, std::move(body), ignored);
}

} // namespace

CAF_TEST(a tracker reads what is announced) {
  load_options o;
  population all{o.seed, 50, 20, 50};
  http_requests requests{o, host};
  for (uint64_t i = 0; i < 1000; ++i) {
    planned_request what{request_kind::announce, i % 50, i / 50, announce_event(i % 4), 33};
    std::string text;
    requests.append_announce(text, what, all);
    auto begin = text.find('?') + 1;
    auto parsed = parse_announce(std::string_view{text}.substr(begin, text.find(' ', 4) - begin));
    CAF_REQUIRE(parsed);
    auto peer = all.peer(what.swarm, what.peer);
    CAF_CHECK(parsed->swarm == all.hash_of(what.swarm));
    CAF_CHECK(parsed->peer == peer.id);
    CAF_CHECK_EQUAL(parsed->port, peer.port);
    CAF_CHECK_EQUAL(parsed->left_bytes == 0, peer.seed || what.event == announce_event::completed);
    CAF_CHECK(parsed->event == what.event);
    CAF_CHECK_EQUAL(parsed->numwant.value_or(0), 33u);
    CAF_CHECK_EQUAL(std::stoul(parsed->key, nullptr, 16), peer.key);
    CAF_CHECK_EQUAL(parsed->key.size(), 8u);
    CAF_CHECK(text.ends_with("\r\n\r\n"));
    CAF_CHECK_EQUAL(text.find("Connection: close"), std::string::npos);
  }
}

CAF_TEST(passkeys are in the path and connections end if they shall) {
  load_options o;
  o.passkey = "alice.0a";
  o.close = true;
  o.scrape_hashes = 3;
  population all{1, 5, 5, 0};
  http_requests requests{o, host};
  std::string text;
  requests.append_announce(text, {}, all);
  CAF_CHECK(text.starts_with("GET /announce/alice.0a?info_hash="));
  CAF_CHECK_NOT_EQUAL(text.find("\r\nConnection: close\r\n"), std::string::npos);
  text.clear();
  requests.append_scrape(text, {}, all);
  CAF_CHECK(text.starts_with("GET /scrape/alice.0a?info_hash="));
  CAF_CHECK_EQUAL(std::count(text.begin(), text.end(), '='), 3);
}

CAF_TEST(paths are asked for in turn) {
  load_options o;
  o.get_paths = {"/a", "/b"};
  http_requests requests{o, host};
  std::string text;
  for (int i = 0; i < 3; ++i)
    requests.append_get(text);
  std::string lines;
  for (size_t at = 0; (at = text.find("GET ", at)) != std::string::npos; ++at)
    lines += text.substr(at + 4, 2);
  CAF_CHECK_EQUAL(lines, "/a/b/a");
}

CAF_TEST(good answers are good) {
  uint64_t peers = 0;
  CAF_CHECK(!judged(request_kind::announce,
                    "d8:completei1e10:incompletei2e8:intervali1800e5:peers12:abcdefghijkle",
                    peers));
  CAF_CHECK_EQUAL(peers, 2u);
  CAF_CHECK(!judged(request_kind::announce,
                    "d8:completei1e10:incompletei2e8:intervali1800e5:peers0:6:peers618:"
                    "abcdefghijklmnopqre",
                    peers));
  CAF_CHECK_EQUAL(peers, 3u);
  CAF_CHECK(!judged(request_kind::scrape, "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1eeee"));
  CAF_CHECK(!judged(request_kind::get, "anything"));
}

CAF_TEST(bad answers have names) {
  uint64_t peers = 0;
  auto announce = request_kind::announce;
  CAF_CHECK(judged(announce, "d14:failure reason2:noe") == trouble::refused);
  CAF_CHECK(judged(request_kind::scrape, "d14:failure reason2:noe") == trouble::refused);
  CAF_CHECK(judged(request_kind::get, "x", peers, "404 Not Found") == trouble::status);
  for (auto body : {"", "<html>", "d8:completei1ee", "d8:completei1e5:peers5:abcdee",
                    "d8:completei1e5:peers600:abcdefe", "d8:completei1e5:peers", "5:peers6:abcdef",
                    "d8:completei1e6:peers66:abcdefe"})
    CAF_CHECK(judged(announce, body) == trouble::malformed);
  CAF_CHECK(judged(request_kind::scrape, "d5:filesle") == trouble::malformed);
  CAF_CHECK_EQUAL(peers, 0u);
}

CAF_TEST(every byte is escaped unless it is unreserved) {
  std::string all;
  for (int c = 0; c < 256; ++c)
    all += static_cast<char>(c);
  std::string out;
  append_escaped(out, all);
  CAF_CHECK_EQUAL(out.size(), 66u + 190u * 3);
  CAF_CHECK(out.starts_with("%00%01"));
  CAF_CHECK(out.ends_with("%FE%FF"));
}
