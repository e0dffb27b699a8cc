// SPDX-License-Identifier: Apache-2.0
// SwarmUI's model files, and the licences that some of them need.
#include "http/dialects/handlers.hpp"
#include "http/dialects/licence_gate.hpp"
#include "http/dialects/model_shelf.hpp"
#include "http/dialects/stored_bytes.hpp"
#include "http/dialects/swarmui_access.hpp"
#include "http/dialects/swarmui_json.hpp"
#include "http/json_body.hpp"
#include "protocol/content_type.hpp"

namespace shoal::http {

namespace {

constexpr std::string_view exposed
    = "X-Model-SHA256, Content-Disposition, Content-Range, Accept-Ranges, ETag";

// -- the files -----------------------------------------------------------------------

/// What a path behind /DownloadModel/ says. Slashes in the name may come as they are.
struct download_place {
  std::string_view subtype;
  std::string_view identifier;
  std::string_view filename;
};

std::optional<download_place> place_of(std::string_view path) {
  auto first = path.find('/');
  auto last = path.rfind('/');
  if (first == std::string_view::npos || first == last || last + 1 == path.size() || first == 0
      || last == first + 1)
    return std::nullopt;
  return download_place{path.substr(0, first), path.substr(first + 1, last - first - 1),
                        path.substr(last + 1)};
}

stored_bytes bytes_of(const shelf_item& item, std::string_view filename) {
  auto hash = item.file->sha256.hex();
  stored_bytes bytes;
  bytes.size_bytes = item.file->size_bytes;
  bytes.etag = '"' + hash + '"';
  bytes.content_type = "application/octet-stream";
  bytes.cache_control = item.files->is_private ? "private, no-cache" : "no-cache";
  bytes.headers = {{"Content-Disposition", content_disposition(disposition::attachment, filename)},
                   {"X-Model-SHA256", hash},
                   {"Access-Control-Expose-Headers", std::string{exposed}}};
  return bytes;
}

struct allowed_item {
  shelf_item item;
  bool is_allowed = false; ///< Else its licence has to be accepted.
};

/// @returns the model file that a path names, or why it is not to be had.
task<tl::expected<allowed_item, response>> find_download(exchange& ex,
                                                         std::optional<download_place> place) {
  if (!place)
    co_return tl::unexpected{swarmui_error(
        400, "invalid_format", "The path is /DownloadModel/{subtype}/{identifier}/{filename}.")};
  auto who = principal_of(ex, session_of_request(ex));
  if (!who || !has_model_access(ex, *who))
    co_return tl::unexpected{swarmui_error(401, "invalid_user", "A session is needed for this.")};
  auto subtype = find_subtype(place->subtype);
  if (!subtype)
    co_return tl::unexpected{swarmui_error(404, "invalid_subtype", "Invalid sub-type.")};
  std::string identifier{place->identifier};
  auto found = co_await find_on_shelf(ex, std::move(identifier), may_see_private(ex, *who));
  if (!found && found.error().code != ec::not_found)
    co_return tl::unexpected{swarmui_trouble(found.error())};
  if (!found || found->card.subtype != *subtype)
    co_return tl::unexpected{swarmui_error(404, "model_not_found", "Model not found.")};
  auto may = co_await has_accepted(ex, std::move(*who), found->what, found->files);
  co_return allowed_item{std::move(*found), may};
}

// -- licences ------------------------------------------------------------------------

/// What is accepted: a model by its id, or by one of its files' names or hashes.
task<result<shelf_revision>> find_accepted(exchange& ex, std::string model, bool with_private) {
  auto whole = co_await find_model(ex, model, with_private);
  if (whole || whole.error().code != ec::not_found)
    co_return whole;
  auto item = co_await find_on_shelf(ex, std::move(model), with_private);
  if (!item)
    co_return tl::unexpected{item.error()};
  co_return shelf_revision{std::move(item->what), std::move(item->files)};
}

response accepted_json(const licence& what, const principal& who, unix_seconds at) {
  nlohmann::json doc{{"success", true},
                     {"model", what.model},
                     {"license", what.name},
                     {"principal", who.key()},
                     {"accepted_at", utc_text(at)}};
  if (what.hash)
    doc["license_sha256"] = what.hash->hex();
  return json(200, dump_json(doc));
}

task<response> accept(exchange& ex, accept_ask ask, principal who) {
  auto found = co_await find_accepted(ex, std::move(ask.model), may_see_private(ex, who));
  if (!found && found.error().code == ec::not_found)
    co_return swarmui_error(404, "model_not_found", "Model not found.");
  if (!found)
    co_return swarmui_trouble(found.error());
  auto what = co_await load_licence(ex, std::move(found->what), std::move(found->files));
  if (!what)
    co_return swarmui_trouble(what.error());
  auto now = what->hash ? what->hash->hex() : std::string{};
  if (!ask.license_sha256.empty() && ask.license_sha256 != now)
    co_return swarmui_error(409, "license_changed", "The licence is not the one that was read.");
  auto at = co_await accept_licence(ex, who, *what);
  if (!at)
    co_return swarmui_trouble(at.error());
  co_return accepted_json(*what, who, *at);
}

task<response> make_acceptance(exchange& ex) {
  auto body = co_await ex.read_body(limits::json_body_bytes_max);
  auto ask = body.and_then([](auto& text) { return read_accept_ask(text); });
  if (!ask)
    co_return swarmui_trouble(ask.error());
  auto who = admit(ex, std::move(ask->session_id));
  if (!who)
    co_return std::move(who.error());
  auto answer = co_await accept(ex, std::move(*ask), std::move(*who));
  co_return answer;
}

} // namespace

task<> swarmui_accept(exchange& ex) {
  auto answer = co_await make_acceptance(ex);
  if (answer.status == 401)
    ex.srv().metrics.unauthorized.add();
  co_await ex.send(std::move(answer));
}

task<> swarmui_download(exchange& ex) {
  auto place = place_of(ex.param("path"));
  auto found = co_await find_download(ex, place);
  if (found && !found->is_allowed) {
    co_await demand_acceptance(ex, std::move(found->item.what), std::move(found->item.files));
    co_return;
  }
  if (found) {
    auto bytes = bytes_of(found->item, place->filename);
    co_await send_object(ex, found->item.file->sha256, std::move(bytes));
    co_return;
  }
  if (found.error().status == 401)
    ex.srv().metrics.unauthorized.add();
  co_await ex.send(std::move(found.error()));
}

} // namespace shoal::http
