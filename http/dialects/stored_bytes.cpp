// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/stored_bytes.hpp"

#include "core/log.hpp"
#include "http/dialects/swarmui_access.hpp"
#include "http/object_relay.hpp"
#include "protocol/text.hpp"

namespace shoal::http {

namespace {

/// Runs on the disk pool. @errors as object_store::read; ec::corrupt also if it is not `size_bytes`
/// long.
result<object_store::reader> open_object(object_store& objects, const sha256_digest& digest,
                                         uint64_t size_bytes) {
  auto opened = objects.read(digest);
  if (opened && opened->size_bytes != size_bytes)
    return fail(ec::corrupt, "object " + digest.hex() + " has not the size that it should have");
  return opened;
}

} // namespace

bool none_match_hits(std::string_view header, std::string_view etag) {
  while (!header.empty()) {
    auto end = std::min(header.find(','), header.size());
    auto tag = text::trim(header.substr(0, end));
    if (tag.starts_with("W/"))
      tag.remove_prefix(2);
    if (tag == "*" || tag == etag)
      return true;
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  return false;
}

ranged_answer answer_range(const range_request& ask, const stored_bytes& what) {
  ranged_answer a;
  a.length = what.size_bytes;
  a.head.content_type = what.content_type;
  auto add = [&](const char* name, std::string value) {
    a.head.headers.emplace_back(name, std::move(value));
  };
  add("ETag", what.etag);
  add("Cache-Control", std::string{what.cache_control});
  add("Accept-Ranges", "bytes");
  auto add_others = [&] {
    a.head.headers.insert(a.head.headers.end(), what.headers.begin(), what.headers.end());
  };
  add_others();
  if (none_match_hits(ask.if_none_match, what.etag)) {
    a.head.status = 304;
    a.length = 0;
    return a;
  }
  add("X-Content-Type-Options", "nosniff");
  // An empty file has no range that could be refused: WebTorrent asks for one all the same.
  if (!ask.is_get || what.size_bytes == 0 || !if_range_holds(ask.if_range, what.etag))
    return a;
  auto found = parse_range(ask.range, what.size_bytes);
  if (found.what == range_answer::kind::partial) {
    a.head.status = 206;
    a.offset = found.range.first;
    a.length = found.range.length();
    add("Content-Range", content_range(found.range, what.size_bytes));
  } else if (found.what == range_answer::kind::several) {
    a.ranges = std::move(found.ranges);
  } else if (found.what == range_answer::kind::unsatisfiable) {
    a.head = json_error(ec::range_unsatisfiable);
    a.length = a.head.body.size();
    add_others();
    add("Content-Range", content_range_unsatisfiable(what.size_bytes));
  }
  return a;
}

std::optional<byte_parts> as_parts(ranged_answer& answer, const stored_bytes& what,
                                   const sha256_digest& object) {
  if (answer.ranges.empty())
    return std::nullopt;
  auto parts = make_byte_parts(std::move(answer.ranges), what.size_bytes, what.content_type,
                               "shoal-" + object.hex());
  answer.ranges.clear();
  if (parts.size_bytes >= what.size_bytes)
    return std::nullopt;
  answer.head.status = 206;
  answer.head.content_type = parts.content_type;
  return parts;
}

range_request range_request_of(const exchange& ex) {
  return {ex.verb() == method::get, ex.header("Range"), ex.header("If-Range"),
          ex.header("If-None-Match")};
}

namespace {

/// Several ranges of an object that is here.
task<> send_parts(exchange& ex, response head, object_store::reader object, byte_parts parts) {
  auto going = co_await ex.send_head(head, parts.size_bytes);
  object_body body{std::move(object), 0, 0};
  for (size_t i = 0; going && i < parts.ranges.size(); ++i) {
    body.offset = parts.ranges[i].first;
    body.length = parts.ranges[i].length();
    going = co_await ex.send_piece(parts.heads[i]);
    if (going)
      going = co_await ex.send_file_piece(body);
  }
  if (going)
    co_await ex.send_piece(parts.tail);
}

/// @param far where else the object may be; null: nowhere.
task<> send_from(exchange& ex, sha256_digest digest, stored_bytes what, object_relay* far) {
  auto answer = answer_range(range_request_of(ex), what);
  if (answer.head.status == 304 || answer.head.status == 416) {
    co_await ex.send(std::move(answer.head));
    co_return;
  }
  auto parts = as_parts(answer, what, digest);
  auto* objects = &ex.node().objects();
  auto open
      = [objects, digest, size = what.size_bytes] { return open_object(*objects, digest, size); };
  auto opened = co_await ex.on_disk(open);
  if (opened && parts) {
    co_await send_parts(ex, std::move(answer.head), std::move(*opened), std::move(*parts));
    co_return;
  }
  if (opened) {
    object_body body{std::move(*opened), answer.offset, answer.length};
    co_await ex.send_file(std::move(answer.head), std::move(body));
    co_return;
  }
  if (!far || opened.error().code != ec::not_found)
    log::error("http", "cannot serve an object error=\"{}\"", to_string(opened.error()));
  if (far) {
    object_part part{digest, what.size_bytes, answer.offset, answer.length, what.is_promised};
    co_await far->send(ex, std::move(answer.head), part, std::move(parts));
    co_return;
  }
  error failed{ec::storage_failed, {}};
  co_await ex.send(json_error(failed));
}

} // namespace

namespace {

/// What a principal is in the pacer's table.
uint64_t pace_key(const principal& who) {
  return who.number ^ uint64_t { static_cast<uint8_t>(who.kind) } << 56;
}

/// Clients know no other way to wait than to ask again.
response not_now(uint32_t seconds) {
  return json(429, R"({"error_id":"quota_exceeded","error":"Too many bytes for now"})")
      .with("Retry-After", std::to_string(seconds));
}

} // namespace

task<> send_object(exchange& ex, sha256_digest digest, stored_bytes what) {
  auto& pacer = *ex.srv().pacer;
  auto whom = pacer.is_on() ? pace_key(whoever_asks(ex)) : uint64_t{0};
  auto seconds = pacer.is_on() && ex.verb() == method::get ? pacer.refusal_s(whom, mono_now()) : 0;
  if (seconds > 0) {
    ex.srv().metrics.over_quota.add();
    co_await ex.send(not_now(seconds));
    co_return;
  }
  if (pacer.is_on())
    ex.pace_as(whom);
  co_await send_from(ex, digest, std::move(what), ex.far());
}

task<> send_object_here(exchange& ex, sha256_digest digest, stored_bytes what) {
  return send_from(ex, digest, std::move(what), nullptr);
}

task<> send_padding(exchange& ex, stored_bytes what) {
  auto answer = answer_range(range_request_of(ex), what);
  if (answer.head.status == 304 || answer.head.status == 416)
    co_await ex.send(std::move(answer.head));
  else
    co_await ex.send_zeros(std::move(answer.head), answer.length);
}

} // namespace shoal::http
