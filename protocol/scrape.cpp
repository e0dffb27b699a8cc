// SPDX-License-Identifier: Apache-2.0
#include "protocol/scrape.hpp"

#include "core/limits.hpp"
#include "protocol/bencode.hpp"
#include "protocol/percent.hpp"
#include "protocol/query.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr std::string_view hash_name = "info_hash";

bool is_hash_name(std::string_view escaped) {
  std::array<uint8_t, hash_name.size()> bytes;
  return percent_decode_into(escaped, bytes) == bytes.size() && as_chars(bytes) == hash_name;
}

} // namespace

result<std::vector<swarm_hash>> parse_scrape(std::string_view raw_query) {
  std::vector<swarm_hash> hashes;
  for (const auto& parameter : query_view{raw_query}) {
    if (!is_hash_name(parameter.name))
      continue;
    auto hash = swarm_hash::decode(parameter.value);
    if (!hash)
      return tl::unexpected(std::move(hash.error()));
    auto place = std::lower_bound(hashes.begin(), hashes.end(), *hash);
    if (place != hashes.end() && *place == *hash)
      continue;
    // Transmission packs fewer hashes after it has read these four words.
    if (hashes.size() == limits::scrape_hashes_max)
      return fail(ec::too_large, "GET string too long, at most "
                                     + std::to_string(limits::scrape_hashes_max) + " info_hash");
    hashes.insert(place, *hash);
  }
  if (hashes.empty())
    return fail(ec::missing_argument, "info_hash is missing");
  return hashes;
}

void append_scrape_reply(std::string& out, std::span<scrape_entry> entries,
                         std::optional<std::chrono::seconds> min_request_interval) {
  auto by_hash = [](const auto& a, const auto& b) { return a.hash < b.hash; };
  if (!std::is_sorted(entries.begin(), entries.end(), by_hash))
    std::stable_sort(entries.begin(), entries.end(), by_hash);
  bencode_writer writer{out};
  writer.begin_dict().string("files").begin_dict();
  const scrape_entry* last = nullptr;
  for (const auto& entry : entries) {
    if (last && last->hash == entry.hash)
      continue;
    last = &entry;
    writer.string(entry.hash.chars()).begin_dict();
    writer.string("complete").integer(entry.complete);
    writer.string("downloaded").integer(entry.downloaded);
    writer.string("downloaders").integer(entry.downloaders);
    writer.string("incomplete").integer(entry.incomplete).end();
  }
  writer.end();
  if (min_request_interval)
    writer.string("flags")
        .begin_dict()
        .string("min_request_interval")
        .integer(min_request_interval->count())
        .end();
  writer.end();
}

} // namespace shoal
