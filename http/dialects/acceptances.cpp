// SPDX-License-Identifier: Apache-2.0
// Who has accepted which licence, for operators.
#include "http/dialects/handlers.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/registry_json.hpp"
#include "http/dialects/swarmui_json.hpp"
#include "persistence/records.hpp"

namespace shoal::http {

namespace {

struct acceptance_ask {
  std::string model; ///< Empty: of all models.
  std::string after; ///< A key of the table.
  size_t limit = 0;
};

struct acceptance_page {
  nlohmann::ordered_json items = nlohmann::ordered_json::array();
  std::string next; ///< The last key that was looked at; empty: there is no more.
};

result<acceptance_ask> read_ask(const exchange& ex) {
  auto params = ex.params();
  if (!params)
    return tl::unexpected{params.error()};
  acceptance_ask ask;
  ask.model = params->get("model").value_or("");
  auto limit = parse_number(params->get("limit").value_or("100"));
  if (!limit || *limit == 0)
    return fail(ec::invalid_argument, "'limit' must be a whole number from 1");
  ask.limit = std::min<uint64_t>(*limit, limits::acceptances_page_max);
  auto hex = params->get("after").value_or("");
  std::vector<uint8_t> bytes(std::min(hex.size() / 2, limits::store_key_bytes_max));
  if (!from_hex(hex, bytes))
    return fail(ec::invalid_argument, "'after' is not from here");
  ask.after = as_chars(bytes);
  return ask;
}

/// What is damaged is skipped: whoever it was has to accept again.
result<acceptance_page> read_page(const lmdb_store& store, const acceptance_ask& ask) {
  acceptance_page page;
  auto first = ask.after.empty() ? std::string{} : ask.after + '\0';
  std::string last;
  auto visit = [&](std::string_view key, std::string_view value, uint64_t) {
    auto zero = key.find('\0');
    auto record = decode_acceptance(value);
    if (zero == std::string_view::npos || !record
        || (!ask.model.empty() && key.substr(zero + 1) != ask.model))
      return true;
    if (page.items.size() == ask.limit) {
      page.next = last;
      return false;
    }
    last = key;
    nlohmann::ordered_json item{{"principal", key.substr(0, zero)},
                                {"who", record->who},
                                {"model", key.substr(zero + 1)},
                                {"license", record->license},
                                {"accepted_at", utc_text(record->accepted_at)}};
    if (record->text)
      item["license_sha256"] = record->text->hex();
    page.items.push_back(std::move(item));
    return true;
  };
  auto read = store.scan(table::acceptances, first, visit);
  if (!read && read.error().code != ec::corrupt)
    return tl::unexpected{read.error()};
  return page;
}

} // namespace

task<> acceptance_list(exchange& ex) {
  auto ask = read_ask(ex);
  if (!ask) {
    co_await ex.send(json_error(ask.error()));
    co_return;
  }
  auto read = [&store = ex.node().store(), &ask] { return read_page(store, *ask); };
  auto page = co_await ex.on_disk(read);
  if (!page) {
    co_await ex.send(json_error(page.error()));
    co_return;
  }
  nlohmann::ordered_json body{{"items", std::move(page->items)}};
  if (!page->next.empty())
    body["next"] = to_hex(as_bytes(page->next));
  auto answer = json(200, dump_json(body));
  tell_lag(ex, answer);
  co_await ex.send(std::move(answer));
}

} // namespace shoal::http
