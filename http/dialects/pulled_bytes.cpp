// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/pulled_bytes.hpp"

#include "actors/messages/catalog.hpp"
#include "core/log.hpp"
#include "http/dialects/pull_home.hpp"
#include "http/object_relay.hpp"

namespace shoal::http {

bool may_come_from_origin(const exchange& ex, std::string_view id) {
  auto* side = ex.node().web_origins();
  return side && side->config().covers(id);
}

task<bool> is_secret_here(exchange& ex, std::string kind, std::string id) {
  auto open = resolve_name{{id, kind, false}, "main"};
  auto seen = co_await ex.ask<resolved_name>(ex.node().catalog(), std::move(open));
  if (seen && seen->repository_known)
    co_return false;
  auto all = resolve_name{{std::move(id), std::move(kind), true}, "main"};
  auto there = co_await ex.ask<resolved_name>(ex.node().catalog(), std::move(all));
  co_return !there || there->repository_known;
}

std::string etag_of(const origin_record& what) {
  if (what.git_blob)
    return '"' + what.git_blob->hex() + '"';
  if (what.sha256)
    return '"' + what.sha256->hex() + '"';
  return what.etag.empty() ? std::string{} : '"' + what.etag + '"';
}

task<result<origin_file>> find_at_origin(exchange& ex, origin_name name) {
  if (!may_come_from_origin(ex, name.id))
    co_return fail(ec::unsupported, "no origin is asked for this");
  auto began = mono_now();
  for (;;) {
    find_origin_file question{name};
    auto found = co_await ex.ask<origin_file>(ex.node().webseed(), std::move(question), true);
    auto is_slow = !found && found.error().code == ec::timeout;
    if (!is_slow || mono_now() - began > defaults::webseed_first_byte_patience)
      co_return found;
  }
}

namespace {

/// Whether it has come meanwhile, or is at another node: that is what a cluster is for.
task<bool> is_object_somewhere(exchange& ex, const std::optional<sha256_digest>& object) {
  if (!object)
    co_return false;
  auto is_here = ex.node().objects().size(*object).has_value();
  if (is_here || !ex.far())
    co_return is_here;
  auto places = co_await ex.far()->find(ex, *object);
  if (!places && places.error().code == ec::unavailable) {
    // A node is slow, or gone. To ask it once more costs less than another pull.
    log::debug("http", "asks again who has object={} error=\"{}\"", object->brief(),
               to_string(places.error()));
    places = co_await ex.far()->find(ex, *object);
  }
  co_return places.has_value();
}

} // namespace

task<> send_pulled(exchange& ex, origin_name name, origin_record found, stored_bytes what) {
  auto is_there = co_await is_object_somewhere(ex, found.sha256);
  if (is_there) {
    co_await send_object(ex, *found.sha256, std::move(what));
    co_return;
  }
  auto to = pulled_answer_of(ex, std::move(name), std::move(found), what);
  auto status = to.head.head.status;
  if (status == 304 || status == 416) {
    co_await ex.send(std::move(to.head.head));
    co_return;
  }
  if (ex.verb() == method::head || to.head.length == 0) {
    co_await ex.send_head(to.head.head, to.head.length);
    co_return;
  }
  auto sent = co_await pull_anywhere(ex, to);
  if (sent)
    co_return;
  if (ex.answered()) {
    ex.cut_short();
    co_return;
  }
  log::warn("http", "has nothing from the origin url={} error=\"{}\"", to.from.urls.front(),
            to_string(sent.error()));
  co_await ex.send(json_error(sent.error()));
}

task<> send_file_of(exchange& ex, origin_name name, const manifest_file& file, stored_bytes what) {
  auto digest = file.sha256;
  auto is_here = file.size_bytes == 0 || ex.node().objects().size(digest).has_value();
  if (is_here || !may_come_from_origin(ex, name.id)) {
    co_await send_object(ex, digest, std::move(what));
    co_return;
  }
  origin_record record;
  record.size_bytes = file.size_bytes;
  record.sha256 = digest;
  co_await send_pulled(ex, std::move(name), std::move(record), std::move(what));
}

} // namespace shoal::http
