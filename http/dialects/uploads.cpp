// SPDX-License-Identifier: Apache-2.0
// Objects that come in parts: an upload that breaks off goes on where it was.
#include "http/dialects/handlers.hpp"
#include "http/dialects/object_answers.hpp"
#include "persistence/upload_book.hpp"
#include "protocol/origin_head.hpp"
#include "protocol/text.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace shoal::http {

namespace {

constexpr size_t chunk_bytes = 256 * 1024;

using upload = std::shared_ptr<pending_upload>;

/// What a client brings: from `first` on, `length` bytes of `size`.
struct part {
  uint64_t first = 0;
  uint64_t length = 0;
  uint64_t size_bytes = 0;
  bool asks_end = false; ///< No bytes, but the question whether it is an object now.
};

result<part> read_part(const exchange& ex) {
  constexpr std::string_view ending = "bytes */";
  auto header = text::trim(ex.header("Content-Range"));
  auto length = ex.body_length();
  part p;
  if (header.starts_with(ending)) {
    header.remove_prefix(ending.size());
    auto [end, failed] = std::from_chars(header.begin(), header.end(), p.size_bytes);
    p.asks_end = true;
    if (failed == std::errc{} && end == header.end() && length.value_or(0) == 0)
      return p;
  } else if (auto range = parse_content_range(header); range && range->size) {
    p = {range->range.first, range->range.length(), *range->size, false};
    if (length == p.length)
      return p;
  }
  return fail(ec::invalid_argument,
              "an upload in parts says Content-Range: bytes FIRST-LAST/SIZE, and as its "
              "Content-Length how many these are; or bytes */SIZE when all are sent");
}

response with_offset(response r, const pending_upload& at) {
  return std::move(r)
      .with("Upload-Offset", std::to_string(at.offset_bytes()))
      .with("Upload-Length", std::to_string(at.size_bytes()));
}

/// "Go on from there", or with all bytes here "ask again".
response so_far(unsigned status, const sha256_digest& object, const pending_upload& at,
                std::string_view problem = {}) {
  nlohmann::json doc{
      {"sha256", object.hex()}, {"offset", at.offset_bytes()}, {"size", at.size_bytes()}};
  if (!problem.empty())
    doc["error"] = problem;
  return with_offset(json(status, doc.dump()), at);
}

/// Takes in what the client sends. What has come stays when the connection breaks.
task<result<void>> receive(exchange& ex, upload to, uint64_t at) {
  std::vector<uint8_t> chunk(chunk_bytes);
  result<void> done;
  for (;;) {
    auto n = co_await ex.read_some(chunk);
    if (!n)
      done = tl::unexpected{n.error()};
    if (!n || *n == 0)
      break;
    auto write = [&to, at, bytes = std::span(chunk).first(*n)] {
      return to->write(at, bytes, unix_now());
    };
    done = co_await ex.on_disk(write);
    if (!done)
      break;
    at += *n;
  }
  auto sync = [&to] { return to->sync(); };
  auto synced = co_await ex.on_disk(sync);
  co_return done ? synced : done;
}

task<result<response>> conclude(exchange& ex, sha256_digest object, upload whole) {
  auto* book = &ex.node().uploads();
  auto finish = [book, object, &whole] { return book->finish(object, *whole); };
  auto finished = co_await run_on(*ex.srv().hashing, finish);
  if (!finished)
    co_return tl::unexpected{finished.error()};
  co_return *finished ? stored(201, object, whole->size_bytes()) : so_far(202, object, *whole);
}

task<result<response>> take_part(exchange& ex, sha256_digest object, part p) {
  auto* node = &ex.node();
  auto open = [node, object, p]() -> result<upload> {
    auto there = node->objects().size(object);
    return there && *there == p.size_bytes ? result<upload>{nullptr}
                                           : node->uploads().open(object, p.size_bytes);
  };
  auto opened = co_await ex.on_disk(open);
  if (!opened)
    co_return tl::unexpected{opened.error()};
  if (!*opened) // It is here already; who sends it all the same is cut off.
    co_return stored(200, object, p.size_bytes);
  auto to = std::move(*opened);
  if (p.first > to->offset_bytes())
    co_return so_far(409, object, *to, "bytes before these are missing");
  if (!p.asks_end) {
    auto received = co_await receive(ex, to, p.first);
    // An older connection of the same client may still be at it: it is to look again.
    if (!received && received.error().code == ec::conflict)
      co_return so_far(409, object, *to, "somebody else sends these bytes");
    if (!received)
      co_return tl::unexpected{received.error()};
  }
  if (to->offset_bytes() < to->size_bytes())
    co_return so_far(202, object, *to);
  auto answer = co_await conclude(ex, object, std::move(to));
  co_return answer;
}

} // namespace

task<response> missing_object(exchange& ex, sha256_digest object, error why) {
  auto* book = &ex.node().uploads();
  auto find = [book, object] { return book->find(object); };
  auto begun = co_await ex.on_disk(find);
  auto answer = json_error(why);
  if (begun && *begun)
    answer = with_offset(std::move(answer), **begun);
  co_return answer;
}

task<> object_patch(exchange& ex) {
  auto object = digest_of(ex);
  auto p = object ? read_part(ex) : tl::unexpected{object.error()};
  if (!p) {
    co_await refuse_object(ex, p.error());
    co_return;
  }
  auto answer = co_await take_part(ex, *object, *p);
  if (answer)
    co_await ex.send(std::move(*answer));
  else
    co_await refuse_object(ex, answer.error());
}

} // namespace shoal::http
