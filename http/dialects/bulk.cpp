// SPDX-License-Identifier: Apache-2.0
// Objects for other nodes of the cluster, which have checked who may read them.
#include "core/log.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/stored_bytes.hpp"

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

} // namespace shoal::http
