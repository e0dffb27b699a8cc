// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.announce_malformed

#include "core/limits.hpp"
#include "protocol/announce.hpp"
#include "protocol/percent.hpp"
#include "protocol/scrape.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

struct parameter {
  std::string name;
  std::string good;
};

const std::vector<parameter> valid_announce{
    {"info_hash", "%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A"},
    {"peer_id", "-TR3000-abcdefghijkl"},
    {"port", "6881"},
    {"uploaded", "0"},
    {"downloaded", "18446744073709551615"},
    {"left", "16384"},
    {"event", "started"},
    {"numwant", "80"},
    {"key", "1a%ffc"},
    {"compact", "1"},
};

/// The announce with one value replaced.
std::string announce_with(std::string_view name, std::string_view value) {
  std::string raw;
  for (const auto& p : valid_announce) {
    raw += raw.empty() ? "" : "&";
    raw += p.name + "=";
    raw += p.name == name ? value : std::string_view{p.good};
  }
  return raw;
}

bool shows(const error& err) {
  return is_client_error(err.code) && !err.detail.empty();
}

const std::vector<std::string> bad_hashes{
    "",
    "%",
    "%1",
    "%zz",
    "%1z",
    "a",
    std::string(19, 'a'),
    std::string(21, 'a'),
    std::string(31, 'a'),
    std::string(33, 'a'),
    std::string(40, 'f'),
    std::string(64, 'f'),
    std::string(5000, 'a'),
    std::string(19, 'a') + "%",
    std::string(19, 'a') + "%0",
    std::string(20, 'a') + "%",
    std::string(19, 'a') + "%g0",
    std::string(19, 'a') + "%0g",
    std::string(19, 'a') + "%-1",
    "%u0041" + std::string(19, 'a'),
    std::string(21, '%'),
    std::string(19, '\xff'),
    std::string(21, '\0'),
    "+",
    std::string(96, 'a'),
    std::string(97, 'a'),
};

const std::vector<std::string> bad_peer_ids{
    "",
    "%",
    "%4",
    "%xy",
    "short",
    std::string(19, 'p'),
    std::string(21, 'p'),
    std::string(20, 'p') + "%",
    std::string(19, 'p') + "%2",
    std::string(32, 'p'),
    std::string(40, '0'),
    std::string(4096, 'p'),
    std::string(21, '\0'),
    "%00",
};

const std::vector<std::string> bad_integers{
    "a",     "1a",  "a1",       "0x10", "1.0",  "1e3",  " 1",       "1 ",
    "+1",    "--1", "-",        "%",    "%3",   "%zz",  "1%00",     "%00",
    "1,000", "1_0", "\xd9\xa1", "1\n",  "%31%", "%2b1", "Infinity", std::string(65, '1'),
    "1;2",   "1-",  "1=1",      "true", "\xff", "%ff",
};

const std::vector<std::string> bad_ports{
    "", "0", "00", "-1", "-0", "65536", "99999", "18446744073709551617", "4294967297",
};

/// Every announce that must be refused, made from the tables.
std::vector<std::string> malformed_announces() {
  std::vector<std::string> all;
  auto add = [&all](std::string_view name, const std::vector<std::string>& values) {
    for (const auto& value : values)
      all.push_back(announce_with(name, value));
  };
  add("info_hash", bad_hashes);
  add("peer_id", bad_peer_ids);
  add("port", bad_ports);
  for (auto name : {"port", "uploaded", "downloaded", "left", "numwant"})
    add(name, bad_integers);
  add("uploaded", {"-1", "-18446744073709551616"});
  add("downloaded", {"-1", "-99"});
  add("key", {"%", "%zz", std::string(65, 'k'), std::string(5000, 'k')});
  auto good = announce_with("", "");
  all.push_back(good + "&info_hash=" + valid_announce[0].good);
  all.push_back(good + "&info_hash");
  for (auto text : {"", "&", "=", "%", "info_hash", "info_hash&peer_id&port", "\0", "&&&&", "===="})
    all.emplace_back(text);
  return all;
}

} // namespace

CAF_TEST(two hundred malformed announces are refused with a reason) {
  auto all = malformed_announces();
  CAF_CHECK_GREATER(all.size(), 200u);
  for (const auto& raw : all) {
    auto query = parse_announce(raw);
    if (query)
      CAF_FAIL("accepted: " + raw);
    if (!shows(query.error()))
      CAF_FAIL("no reason: " + raw);
  }
}

CAF_TEST(the announce behind the table is valid) {
  CAF_CHECK(parse_announce(announce_with("", "")).has_value());
}

CAF_TEST(every truncation of an announce parses or fails cleanly) {
  auto raw = announce_with("", "");
  auto needed = raw.find("&port=") + 7;
  for (size_t size = 0; size <= raw.size(); ++size) {
    // An exact copy on the heap lets a sanitizer see any read beyond the end.
    std::vector<char> prefix(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(size));
    auto query = parse_announce({prefix.data(), prefix.size()});
    if (size < needed)
      CAF_CHECK(!query);
    if (!query)
      CAF_CHECK(shows(query.error()));
  }
}

CAF_TEST(every single byte change of an announce parses or fails cleanly) {
  auto raw = announce_with("", "");
  size_t accepted = 0;
  for (size_t i = 0; i < raw.size(); ++i) {
    for (auto byte : {'\0', '%', '&', '=', '+', '9', '\xff'}) {
      auto changed = raw;
      changed[i] = byte;
      auto query = parse_announce(changed);
      if (query) {
        ++accepted;
        CAF_CHECK(query->port != 0);
        CAF_CHECK(!query->numwant || *query->numwant <= limits::numwant_max);
      } else {
        CAF_CHECK(shows(query.error()));
      }
    }
  }
  CAF_CHECK_GREATER(accepted, 0u);
}

CAF_TEST(malformed scrapes are refused with a reason) {
  auto good = "info_hash=" + valid_announce[0].good;
  std::vector<std::string> all{"", "&", "=", "info_hash", "infohash=" + valid_announce[0].good};
  for (const auto& value : bad_hashes) {
    all.push_back("info_hash=" + value);
    all.push_back(good + "&info_hash=" + value);
  }
  CAF_CHECK_GREATER(all.size(), 50u);
  for (const auto& raw : all) {
    auto hashes = parse_scrape(raw);
    if (hashes)
      CAF_FAIL("accepted: " + raw);
    if (!shows(hashes.error()))
      CAF_FAIL("no reason: " + raw);
  }
}

CAF_TEST(every truncation of a scrape parses or fails cleanly) {
  auto raw = "info_hash=" + valid_announce[0].good + "&info_hash=" + std::string(32, 'b') + "&x";
  for (size_t size = 0; size <= raw.size(); ++size) {
    std::vector<char> prefix(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(size));
    auto hashes = parse_scrape({prefix.data(), prefix.size()});
    if (hashes)
      CAF_CHECK(!hashes->empty());
    else
      CAF_CHECK(shows(hashes.error()));
  }
}
