// SPDX-License-Identifier: Apache-2.0
#include "core/limits.hpp"
#include "protocol/announce.hpp"
#include "protocol/percent.hpp"
#include "protocol/scrape.hpp"

using namespace shoal;

namespace {

/// An announce that means `query`.
std::string written(const announce_query& query) {
  std::string raw = "info_hash=";
  raw += percent_encode(query.v2_hash ? query.v2_hash->chars() : query.swarm.chars());
  raw += "&peer_id=" + percent_encode(query.peer.chars());
  raw += "&port=" + std::to_string(query.port);
  raw += "&uploaded=" + std::to_string(query.uploaded_bytes);
  raw += "&downloaded=" + std::to_string(query.downloaded_bytes);
  raw += "&left=" + std::to_string(query.left_bytes);
  raw += "&event=" + std::string{name(query.event)};
  if (query.numwant)
    raw += "&numwant=" + std::to_string(*query.numwant);
  raw += query.compact ? "&compact=1" : "&compact=0";
  raw += query.no_peer_id ? "&no_peer_id=1" : "&no_peer_id=0";
  raw += "&key=" + percent_encode(query.key) + "&trackerid=" + percent_encode(query.tracker_id);
  return raw;
}

void check_announce(std::string_view raw) {
  auto query = parse_announce(raw);
  if (!query) {
    SHOAL_CHECK(is_client_error(query.error().code) && !query.error().detail.empty());
    return;
  }
  SHOAL_CHECK(query->port != 0 || query->event == announce_event::stopped);
  SHOAL_CHECK(!query->numwant || *query->numwant <= limits::numwant_max);
  SHOAL_CHECK(query->uploaded_bytes <= announce_query::left_unknown);
  SHOAL_CHECK(query->downloaded_bytes <= announce_query::left_unknown);
  SHOAL_CHECK(query->left_bytes <= announce_query::left_unknown);
  SHOAL_CHECK(query->key.size() <= limits::announce_key_bytes_max);
  SHOAL_CHECK(query->tracker_id.size() <= limits::announce_key_bytes_max);
  SHOAL_CHECK(!query->v2_hash || truncate(*query->v2_hash) == query->swarm);
  auto again = parse_announce(written(*query));
  SHOAL_CHECK(again && *again == *query);
}

void check_scrape(std::string_view raw) {
  auto hashes = parse_scrape(raw);
  if (!hashes) {
    SHOAL_CHECK(is_client_error(hashes.error().code) && !hashes.error().detail.empty());
    return;
  }
  SHOAL_CHECK(!hashes->empty() && hashes->size() <= limits::scrape_hashes_max);
  std::string written;
  for (size_t i = 0; i < hashes->size(); ++i) {
    SHOAL_CHECK(i == 0 || (*hashes)[i - 1] < (*hashes)[i]);
    written += "info_hash=" + percent_encode((*hashes)[i].chars()) + '&';
  }
  SHOAL_CHECK(parse_scrape(written) == hashes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto raw = as_chars({data, size});
  check_announce(raw);
  check_scrape(raw);
  return 0;
}
