// SPDX-License-Identifier: Apache-2.0
// Objects by their hash: what `shoal publish` uploads before it names it in a manifest.
#include "core/log.hpp"
#include "http/credentials.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/object_answers.hpp"
#include "http/dialects/stored_bytes.hpp"
#include "http/object_relay.hpp"

#include <nlohmann/json.hpp>

#include <vector>

namespace shoal::http {

namespace {

constexpr size_t chunk_bytes = 256 * 1024;

/// A body that is not needed is read to its end up to this size, so that the connection lives on.
constexpr uint64_t drain_bytes_max = 4 * 1024 * 1024;

constexpr std::string_view for_everybody = "public, max-age=31536000, immutable";
constexpr std::string_view for_key_holders = "private, max-age=31536000, immutable";

task<result<std::optional<uint64_t>>> size_of(exchange& ex, sha256_digest digest) {
  auto* objects = &ex.node().objects();
  auto look = [objects, digest] { return result<std::optional<uint64_t>>{objects->size(digest)}; };
  auto size = co_await ex.on_disk(look);
  co_return size;
}

/// Reads until `chunk` is full or the body ends. @returns the bytes read.
task<result<size_t>> fill(exchange& ex, std::span<uint8_t> chunk) {
  size_t filled = 0;
  while (filled < chunk.size()) {
    auto n = co_await ex.read_some(chunk.subspan(filled));
    if (!n)
      co_return n;
    if (*n == 0)
      break;
    filled += *n;
  }
  co_return filled;
}

task<> drain(exchange& ex, uint64_t length) {
  if (length > drain_bytes_max)
    co_return;
  std::vector<uint8_t> chunk(std::min<uint64_t>(length + 1, chunk_bytes));
  for (;;) {
    auto n = co_await ex.read_some(chunk);
    if (!n || *n == 0)
      co_return;
  }
}

/// Streams the body into an object; memory is one chunk whatever its length.
task<result<sha256_digest>> receive(exchange& ex, sha256_digest expected, uint64_t length) {
  auto* objects = &ex.node().objects();
  auto begin = [objects, length] { return objects->begin(length); };
  auto incoming = co_await ex.on_disk(begin);
  if (!incoming)
    co_return tl::unexpected{incoming.error()};
  std::vector<uint8_t> chunk(std::min<uint64_t>(length + 1, chunk_bytes));
  for (;;) {
    auto n = co_await fill(ex, chunk);
    if (!n)
      co_return tl::unexpected{n.error()};
    if (*n == 0)
      break;
    auto append = [upload = &*incoming, bytes = std::span(chunk).first(*n)] {
      return upload->append(bytes);
    };
    auto appended = co_await ex.on_disk(append);
    if (!appended)
      co_return tl::unexpected{appended.error()};
  }
  auto finish = [objects, upload = &*incoming, expected]() -> result<sha256_digest> {
    auto digest = upload->finish(expected);
    // From now on it waits for somebody to publish it, and not for ever.
    auto noted = digest ? objects->note_found(*digest) : result<void>{};
    return noted ? digest : tl::unexpected{noted.error()};
  };
  auto finished = co_await ex.on_disk(finish);
  co_return finished;
}

/// @returns the size of an object that is here or, for its bytes, at another node. HEAD asks for
/// what is here: a publisher uploads the rest.
task<result<uint64_t>> known_size(exchange& ex, sha256_digest digest) {
  auto here = co_await size_of(ex, digest);
  if (here && *here)
    co_return **here;
  if (!ex.far() || ex.verb() == method::head)
    co_return fail(ec::not_found, "object " + digest.hex());
  auto found = co_await ex.far()->find(ex, digest);
  if (found)
    co_return found->places.front().size_bytes;
  if (found.error().code == ec::not_found)
    co_return fail(ec::not_found, "object " + digest.hex());
  co_return tl::unexpected{found.error()};
}

} // namespace

result<sha256_digest> digest_of(const exchange& ex) {
  auto digest = sha256_digest::from_hex(ex.param("sha256"));
  if (!digest)
    return fail(ec::invalid_argument, "an object's name is 64 hexadecimal digits");
  return *digest;
}

response stored(unsigned status, const sha256_digest& digest, uint64_t size_bytes) {
  auto body = nlohmann::json{{"sha256", digest.hex()}, {"size", size_bytes}}.dump();
  return json(status, std::move(body)).with("Location", "/api/objects/" + digest.hex());
}

task<> refuse_object(exchange& ex, error why) {
  if (!is_client_error(why.code))
    log::warn("http", "cannot take an object error=\"{}\"", to_string(why));
  co_await ex.send(json_error(why));
}

task<> object_get(exchange& ex) {
  // An object may belong to a private revision, and that it exists says something too.
  if (!has_registry_key(ex)) {
    ex.srv().metrics.unauthorized.add();
    error unauthorized{ec::unauthorized, {}};
    co_await ex.send(json_error(unauthorized));
    co_return;
  }
  auto digest = digest_of(ex);
  if (!digest) {
    co_await ex.send(json_error(digest.error()));
    co_return;
  }
  auto size = co_await known_size(ex, *digest);
  if (!size) {
    auto answer = co_await missing_object(ex, *digest, size.error());
    co_await ex.send(std::move(answer));
    co_return;
  }
  auto keep = ex.config().registry_key.empty() ? for_everybody : for_key_holders;
  stored_bytes what{*size, '"' + digest->hex() + '"', "application/octet-stream", keep};
  what.is_promised = false;
  co_await send_object(ex, *digest, std::move(what));
}

task<> object_put(exchange& ex) {
  auto digest = digest_of(ex);
  if (!digest) {
    co_await ex.send(json_error(digest.error()));
    co_return;
  }
  auto length = ex.body_length();
  if (!length || ex.header("Content-Length").empty()) {
    co_await ex.send(json(411, R"({"error":"an upload needs a Content-Length"})"));
    co_return;
  }
  auto present = co_await size_of(ex, *digest);
  // A file of another size is damaged: the upload replaces it if it hashes to the name.
  if (present && *present && **present == *length) {
    co_await drain(ex, *length);
    co_await ex.send(stored(200, *digest, *length));
    co_return;
  }
  auto received = co_await receive(ex, *digest, *length);
  if (received) {
    co_await ex.send(stored(201, *digest, *length));
    co_return;
  }
  co_await refuse_object(ex, received.error());
}

} // namespace shoal::http
