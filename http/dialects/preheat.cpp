// SPDX-License-Identifier: Apache-2.0
// Preheats: what an origin has is brought here before anybody asks for it.
#include "http/dialects/handlers.hpp"
#include "http/json_body.hpp"
#include "protocol/event_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace shoal::http {

namespace {

using document = nlohmann::json;

error no_origins() {
  return {ec::not_found, "this node asks no origins (webseed.mirror, webseed.webseed-base-url)"};
}

std::string text_of(uint64_t id) {
  return fmt::format("{:016x}", id);
}

std::optional<uint64_t> parse_id(std::string_view text) {
  uint64_t id = 0;
  auto end = text.data() + text.size();
  auto [at, failed] = std::from_chars(text.data(), end, id, 16);
  return failed == std::errc{} && at == end && text.size() == 16 ? std::optional{id} : std::nullopt;
}

// -- what clients see --------------------------------------------------------------------------

document to_json(const preheat_file& file) {
  return {{"path", file.path}, {"size_bytes", file.size_bytes}, {"done_bytes", file.done_bytes}};
}

document to_json(const preheat_status& x) {
  auto under_way = document::array();
  for (auto& file : x.under_way)
    under_way.push_back(to_json(file));
  auto& name = x.what.name;
  document doc{{"preheat", text_of(x.id)},
               {"state", shoal::name(x.state)},
               {"id", name.id},
               {"rev", name.rev},
               {"kind", name.kind},
               {"include", x.what.include},
               {"files", x.files},
               {"files_done", x.files_done},
               {"size_bytes", x.bytes},
               {"done_bytes", x.bytes_done},
               {"under_way", under_way},
               {"began_at", x.began_at},
               {"version", x.version}};
  if (!x.commit.empty())
    doc["commit"] = x.commit;
  if (x.ended_at != 0)
    doc["ended_at"] = x.ended_at;
  if (x.waits_for && !shoal::is_over(x.state))
    doc["waits_for"] = x.waits_for->detail.empty() ? to_string(*x.waits_for) : x.waits_for->detail;
  if (x.failed)
    doc["error"] = x.failed->detail.empty() ? to_string(*x.failed) : x.failed->detail;
  if (x.becomes)
    doc["mirror"] = shoal::name(*x.becomes);
  return doc;
}

response answer(unsigned status, const preheat_status& x) {
  return json(status, dump_json(to_json(x))).with("Cache-Control", "no-store");
}

// -- what clients ask --------------------------------------------------------------------------

result<std::string> text_in(const document& doc, const char* key, std::string otherwise) {
  auto found = doc.find(key);
  if (found == doc.end())
    return otherwise;
  if (!found->is_string())
    return fail(ec::invalid_argument, std::string{"'"} + key + "' is a text");
  return found->get<std::string>();
}

/// @returns the patterns; one alone may be a plain text.
result<std::vector<std::string>> patterns_in(const document& doc) {
  auto found = doc.find("include");
  std::vector<std::string> all;
  if (found == doc.end())
    return all;
  if (found->is_string())
    return std::vector{found->get<std::string>()};
  auto is_text = [](const document& x) { return x.is_string(); };
  if (!found->is_array() || !std::all_of(found->begin(), found->end(), is_text))
    return fail(ec::invalid_argument, "'include' is a list of patterns");
  for (auto& pattern : *found)
    all.push_back(pattern.get<std::string>());
  return all;
}

result<begin_preheat> read_order(std::string_view body) {
  auto doc = parse_json(body);
  if (!doc)
    return tl::unexpected{doc.error()};
  if (!doc->is_object())
    return fail(ec::invalid_argument, "the body is a JSON object");
  auto id = text_in(*doc, "id", "");
  auto rev = text_in(*doc, "rev", "main");
  auto kind = text_in(*doc, "kind", "model");
  auto include = patterns_in(*doc);
  if (!id || !rev || !kind)
    return tl::unexpected{(!id ? id : !rev ? rev : kind).error()};
  if (!include)
    return tl::unexpected{include.error()};
  if (id->empty())
    return fail(ec::missing_argument, "'id'");
  return begin_preheat{{std::move(*kind), std::move(*id), std::move(*rev), {}},
                       std::move(*include)};
}

task<result<preheat_status>> ask_about(exchange& ex, uint64_t seen) {
  auto id = parse_id(ex.param("id"));
  if (!ex.node().preheater())
    co_return tl::unexpected{no_origins()};
  if (!id)
    co_return fail(ec::not_found, "there is no such preheat");
  preheat_query question{*id, seen};
  auto status = co_await ex.ask<preheat_status>(ex.node().preheater(), question, true);
  co_return status;
}

// -- events ------------------------------------------------------------------------------------

std::string event_of(const preheat_status& x) {
  auto name = std::string{shoal::name(x.state)};
  return encode_event({std::to_string(x.version), std::move(name), dump_json(to_json(x))});
}

/// Its length is not known, so it ends with the connection.
std::string head_of_events() {
  return fmt::format("HTTP/1.1 200 OK\r\nServer: Shoal\r\nDate: {}\r\n"
                     "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                     "X-Accel-Buffering: no\r\nAccess-Control-Allow-Origin: *\r\n"
                     "Connection: close\r\n\r\n",
                     http_date_now());
}

/// @returns the version behind which a client goes on that was here before.
uint64_t seen_before(const exchange& ex) {
  auto text = ex.header("Last-Event-ID");
  uint64_t seen = 0;
  auto end = text.data() + text.size();
  return std::from_chars(text.data(), end, seen).ptr == end ? seen : 0;
}

/// Until the job ends, or the client goes, or the node.
task<> follow(exchange& ex, preheat_status first) {
  auto seen = seen_before(ex);
  auto going = true;
  if (first.version > seen || is_over(first.state)) {
    auto event = event_of(first);
    going = co_await ex.send_piece(event);
  }
  seen = first.version;
  auto over = is_over(first.state);
  while (going && !over && !ex.srv().leaving) {
    auto status = co_await ask_about(ex, seen);
    if (!status)
      co_return;
    // Without news: a comment, which shows whether the client is still there.
    auto event = status->version > seen ? event_of(*status) : std::string{":\n\n"};
    seen = status->version;
    over = is_over(status->state);
    going = co_await ex.send_piece(event);
  }
}

} // namespace

task<> preheat_begin(exchange& ex) {
  if (!ex.node().preheater()) {
    auto refusal = json_error(no_origins());
    co_await ex.send(std::move(refusal));
    co_return;
  }
  auto body = co_await ex.read_body(limits::json_body_bytes_max);
  auto order = body ? read_order(*body) : tl::unexpected{body.error()};
  if (!order) {
    co_await ex.send(json_error(order.error()));
    co_return;
  }
  auto begun = co_await ex.ask<preheat_status>(ex.node().preheater(), std::move(*order), true);
  if (!begun) {
    co_await ex.send(json_error(begun.error()));
    co_return;
  }
  auto reply = answer(202, *begun).with("Location", "/api/preheat/" + text_of(begun->id));
  co_await ex.send(std::move(reply));
}

task<> preheat_list_all(exchange& ex) {
  auto items = document::array();
  if (ex.node().preheater()) {
    list_preheats question;
    auto all = co_await ex.ask<preheat_list>(ex.node().preheater(), question, true);
    if (!all) {
      co_await ex.send(json_error(all.error()));
      co_return;
    }
    for (auto& job : all->jobs)
      items.push_back(to_json(job));
  }
  document doc{{"items", std::move(items)}};
  auto reply = json(200, dump_json(doc)).with("Cache-Control", "no-store");
  co_await ex.send(std::move(reply));
}

task<> preheat_show(exchange& ex) {
  auto status = co_await ask_about(ex, 0);
  auto reply = status ? answer(200, *status) : json_error(status.error());
  co_await ex.send(std::move(reply));
}

task<> preheat_events(exchange& ex) {
  auto status = co_await ask_about(ex, 0);
  if (!status) {
    co_await ex.send(json_error(status.error()));
    co_return;
  }
  auto head = head_of_events();
  co_await ex.send_raw(head);
  ex.cut_short();
  if (ex.verb() == method::get)
    co_await follow(ex, std::move(*status));
}

task<> preheat_cancel(exchange& ex) {
  auto id = parse_id(ex.param("id"));
  error unknown{ec::not_found, "there is no such preheat"};
  if (!id || !ex.node().preheater()) {
    co_await ex.send(json_error(unknown));
    co_return;
  }
  cancel_preheat order{*id};
  auto ended = co_await ex.ask<preheat_status>(ex.node().preheater(), order, true);
  auto reply = ended ? answer(200, *ended) : json_error(ended.error());
  co_await ex.send(std::move(reply));
}

} // namespace shoal::http
