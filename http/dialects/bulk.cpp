// SPDX-License-Identifier: Apache-2.0
// Objects, and files of origins, for other nodes of the cluster, which have checked who may read
// them.
#include "core/log.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/pull_home.hpp"
#include "http/dialects/pulled_bytes.hpp"
#include "http/object_source.hpp"

namespace shoal::http {

task<> bulk_object(exchange& ex) {
  auto digest = sha256_digest::from_hex(ex.param("sha256"));
  std::optional<uint64_t> size;
  if (digest) {
    auto look = [objects = &ex.node().objects(), name = *digest] { return objects->size(name); };
    size = co_await ex.on_disk(look);
  }
  if (!size) {
    error unknown{ec::not_found, {}};
    co_await ex.send(text_error(unknown));
    co_return;
  }
  stored_bytes what{*size, '"' + digest->hex() + '"', "application/octet-stream", "no-store"};
  co_await send_object_here(ex, *digest, std::move(what));
}

/// A file of an origin, for another node that takes this one for its home. Nodes may see different
/// ones for a moment, so whoever is asked pulls and asks nobody else: no loops.
task<> bulk_pull(exchange& ex) {
  auto asked = read_pull_target(ex.query());
  result<void> sent = fail(ec::unsupported, "this node does not pull it");
  if (!asked) {
    sent = tl::unexpected{asked.error()};
  } else if (may_come_from_origin(ex, asked->name.id)) {
    stored_bytes what{asked->what.size_bytes, "\"file\"", "application/octet-stream", "no-store"};
    auto to = pulled_answer_of(ex, std::move(asked->name), std::move(asked->what), what);
    if (to.head.head.status == 206)
      sent = co_await pull_here(ex, to);
    else
      sent = fail(ec::range_unsatisfiable);
  }
  if (sent)
    co_return;
  if (ex.answered()) {
    ex.cut_short();
    co_return;
  }
  auto refusal = text_error(sent.error());
  refusal.headers.emplace_back(std::string{bulk_error_header},
                               std::string{name(sent.error().code)});
  co_await ex.send(std::move(refusal));
}

} // namespace shoal::http
