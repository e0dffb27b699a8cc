// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"
#include "core/limits.hpp"
#include "protocol/ws_tracker.hpp"

using namespace shoal;

namespace {

ws_message decode_again(const std::string& json) {
  static ws_decoder decoder;
  auto message = decoder.decode(json);
  SHOAL_CHECK(message.has_value());
  return std::move(*message);
}

/// What the tracker writes must mean what was read.
void check_relayed(const ws_announce& a) {
  SHOAL_CHECK(a.offers.size() <= limits::ws_offers_max);
  SHOAL_CHECK(a.left_bytes <= announce_query::left_unknown);
  SHOAL_CHECK(a.uploaded_bytes <= announce_query::left_unknown);
  SHOAL_CHECK(a.downloaded_bytes <= announce_query::left_unknown);
  for (auto& offer : a.offers) {
    std::string answer;
    append_ws_answer(answer, a.swarm, a.peer, offer);
    if (answer.size() > limits::ws_message_bytes_max / 2)
      continue; // Escapes make it longer.
    std::string whole = R"({"to_peer_id":"tttttttttttttttttttt",)" + answer.substr(1);
    auto back = std::get<ws_answer>(decode_again(whole));
    SHOAL_CHECK(back.swarm == a.swarm && back.peer == a.peer && back.offer == offer.id);
    SHOAL_CHECK(back.sdp == offer.sdp);
  }
}

void check_scrape(const ws_scrape& scrape) {
  SHOAL_CHECK(!scrape.swarms.empty() && scrape.swarms.size() <= limits::scrape_hashes_max);
}

void check_fault(const ws_fault& fault) {
  SHOAL_CHECK(!fault.reason.empty());
  std::string out;
  append_ws_failure(out, fault);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static ws_decoder decoder;
  auto message = decoder.decode({reinterpret_cast<const char*>(data), size});
  if (!message)
    check_fault(message.error());
  else if (auto* announce = std::get_if<ws_announce>(&*message))
    check_relayed(*announce);
  else if (auto* scrape = std::get_if<ws_scrape>(&*message))
    check_scrape(*scrape);
  return 0;
}
