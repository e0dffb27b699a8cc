// SPDX-License-Identifier: Apache-2.0
// Files of publishers on this machine that are served from where they are.
#include "core/limits.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/object_answers.hpp"
#include "http/json_body.hpp"

#include <array>

namespace shoal::http {

namespace {

struct request {
  sha256_digest object;
  std::filesystem::path file;
};

/// @returns why nobody may ask this here and now, or nothing. A proxy on this machine must not make
/// the world look like it.
std::optional<std::string> hindrance(const exchange& ex) {
  if (!ex.srv().in_place->is_open())
    return "publishing in place is switched off: objects.in-place-roots names no folder";
  constexpr std::array forwarded{"X-Forwarded-For", "Forwarded", "Via"};
  auto was_forwarded = std::any_of(forwarded.begin(), forwarded.end(),
                                   [&](auto* name) { return !ex.header(name).empty(); });
  if (was_forwarded || !ex.client().is_loopback())
    return "only publishers on the node's machine, at a loopback address, can publish in place";
  return std::nullopt;
}

result<request> read_request(std::string_view text) {
  auto body = json_body::parse(text, {"path", "sha256"});
  if (!body)
    return tl::unexpected{body.error()};
  auto path = body->text("path", limits::path_bytes_max);
  auto name = body->text("sha256", 2 * sha256_digest::size_bytes);
  if (!path || !name)
    return tl::unexpected{path ? name.error() : path.error()};
  auto object = sha256_digest::from_hex(*name);
  if (!object)
    return fail(ec::invalid_argument, "sha256 has 64 hexadecimal digits");
  if (!path->starts_with('/') || path->find('\0') != std::string::npos)
    return fail(ec::invalid_argument, "path is absolute");
  return request{*object, *path};
}

response hashing(const sha256_digest& object, const in_place_desk::progress& far) {
  nlohmann::json doc{
      {"sha256", object.hex()}, {"size", far.size_bytes}, {"hashed", far.hashed_bytes}};
  return json(202, doc.dump());
}

} // namespace

task<> object_in_place(exchange& ex) {
  if (auto why = hindrance(ex)) {
    ex.srv().metrics.unauthorized.add();
    nlohmann::json doc{{"error", *why}};
    co_await ex.send(json(403, doc.dump()));
    co_return;
  }
  auto body = co_await ex.read_body(limits::json_body_bytes_max);
  auto asked = body.and_then([](const std::string& text) { return read_request(text); });
  if (!asked) {
    co_await refuse_object(ex, asked.error());
    co_return;
  }
  auto* desk = ex.srv().in_place.get();
  auto work = [desk, &asked] { return desk->go_on(asked->object, asked->file); };
  auto far = co_await run_on(*ex.srv().hashing, work);
  if (!far) {
    co_await refuse_object(ex, far.error());
    co_return;
  }
  auto answer = far->is_done ? stored(far->was_there ? 200 : 201, asked->object, far->size_bytes)
                             : hashing(asked->object, *far);
  co_await ex.send(std::move(answer));
}

} // namespace shoal::http
