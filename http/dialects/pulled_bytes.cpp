// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/pulled_bytes.hpp"

#include "actors/messages/catalog.hpp"
#include "core/log.hpp"
#include "http/object_relay.hpp"

#include <caf/send.hpp>

namespace shoal::http {

namespace {

/// A reader's place at a fetcher, given back at the end.
class reading {
public:
  explicit reading(webseed_fetcher_actor at) : at_{std::move(at)} {}
  reading(const reading&) = delete;
  reading& operator=(const reading&) = delete;
  ~reading() {
    if (id_ != 0)
      caf::anon_send(at_, leave_pull{id_});
  }

  /// Waits a while for bytes. @returns what is there; without bytes if there are none yet.
  task<result<pull_progress>> ask(exchange& ex, uint64_t offset, uint64_t length) {
    read_pull question{id_, offset, length};
    auto got = co_await ex.ask<pull_progress>(at_, std::move(question), true);
    if (got)
      id_ = got->reader;
    co_return got;
  }

private:
  webseed_fetcher_actor at_;
  uint64_t id_ = 0;
};

/// One answer whose bytes come from a pull.
struct pulled_answer {
  ranged_answer head;
  pull_spec from;
  bool going = true; ///< The client wants more.
};

task<result<webseed_fetcher_actor>> open(exchange& ex, pull_spec what) {
  open_pull question{std::move(what)};
  auto opened = co_await ex.ask<opened_pull>(ex.node().webseed(), std::move(question), true);
  if (!opened)
    co_return tl::unexpected{opened.error()};
  co_return std::move(opened->fetcher);
}

/// Sends what is ready. @returns the bytes that were sent.
task<result<uint64_t>> send_ready(exchange& ex, pulled_answer& to, pull_progress ready) {
  std::unique_ptr<uint8_t[]> buffer{new uint8_t[limits::webseed_buffer_bytes]};
  uint64_t sent = 0;
  while (to.going && sent < ready.ready_bytes) {
    auto wanted = std::min<uint64_t>(limits::webseed_buffer_bytes, ready.ready_bytes - sent);
    auto at = to.head.offset + sent;
    auto work = [file = ready.file, at, room = std::span{buffer.get(), size_t(wanted)}] {
      return file->read(at, room);
    };
    auto got = co_await ex.on_disk(work);
    if (!got)
      co_return tl::unexpected{got.error()};
    if (*got == 0)
      break;
    auto piece = as_chars({buffer.get(), *got});
    to.going = co_await ex.send_piece(piece);
    sent += *got;
    ex.node().web_origins()->served_bytes.add(*got);
  }
  co_return sent;
}

/// Sends the head once there is something to send, so that a failure has a status of its own.
task<result<void>> send_stream(exchange& ex, pulled_answer& to) {
  auto fetcher = co_await open(ex, to.from);
  if (!fetcher)
    co_return tl::unexpected{fetcher.error()};
  reading place{std::move(*fetcher)};
  auto began = mono_now();
  auto& head = to.head;
  while (to.going && head.length > 0) {
    auto ready = co_await place.ask(ex, head.offset, head.length);
    if (!ready)
      co_return tl::unexpected{ready.error()};
    if (ready->ready_bytes == 0) {
      if (!ex.answered() && mono_now() - began > defaults::webseed_first_byte_patience)
        co_return fail(ec::timeout, "the origin has not given a byte yet");
      continue;
    }
    if (!ex.answered())
      to.going = co_await ex.send_head(head.head, head.length);
    auto sent = co_await send_ready(ex, to, std::move(*ready));
    if (!sent)
      co_return tl::unexpected{sent.error()};
    head.offset += *sent;
    head.length -= *sent;
  }
  co_return result<void>{};
}

} // namespace

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

task<> send_pulled(exchange& ex, pull_spec from, stored_bytes what) {
  auto is_there = from.sha256 && ex.node().objects().size(*from.sha256);
  // Another node may have it: that is what a cluster is for.
  if (from.sha256 && !is_there && ex.far()) {
    auto places = co_await ex.far()->find(ex, *from.sha256);
    is_there = places.has_value();
  }
  if (is_there) {
    co_await send_object(ex, *from.sha256, std::move(what));
    co_return;
  }
  pulled_answer to{answer_range(range_request_of(ex), what), std::move(from)};
  auto status = to.head.head.status;
  if (status == 304 || status == 416) {
    co_await ex.send(std::move(to.head.head));
    co_return;
  }
  if (ex.verb() == method::head || to.head.length == 0) {
    co_await ex.send_head(to.head.head, to.head.length);
    co_return;
  }
  auto sent = co_await send_stream(ex, to);
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
  auto from = pull_of(ex.node().web_origins()->config().base_urls, std::move(name), record);
  co_await send_pulled(ex, std::move(from), std::move(what));
}

} // namespace shoal::http
