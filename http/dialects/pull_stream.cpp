// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/pull_stream.hpp"

#include "http/dialects/pulled_bytes.hpp"

#include <caf/send.hpp>

#include <unistd.h>

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

task<result<opened_pull>> open(exchange& ex, pull_spec what) {
  open_pull question{std::move(what)};
  auto opened = co_await ex.ask<opened_pull>(ex.node().webseed(), std::move(question), true);
  co_return opened;
}

/// The object that a file has become, if it has come here before. Whoever asks may not have heard
/// what its pull has found out: it looked before, or is another node.
task<std::optional<sha256_digest>> object_of(exchange& ex, const pulled_answer& to) {
  auto object = to.what.sha256;
  if (!object && !to.what.etag.empty()) {
    auto name = to.name;
    if (!to.what.commit.empty())
      name.rev = to.what.commit;
    auto known = co_await find_at_origin(ex, std::move(name));
    if (known && known->found && known->what.etag == to.what.etag
        && known->what.size_bytes == to.what.size_bytes)
      object = known->what.sha256;
  }
  if (object && !ex.node().objects().size(*object))
    object.reset();
  co_return object;
}

/// Sends bytes that are there. @param read fills a buffer from an offset on, on the disk pool.
/// @returns the bytes that were sent.
template <class Read>
task<result<uint64_t>> send_some(exchange& ex, pulled_answer& to, uint64_t ready_bytes, Read read) {
  auto room = std::min<uint64_t>(limits::webseed_buffer_bytes, ready_bytes);
  std::unique_ptr<uint8_t[]> buffer{new uint8_t[room]};
  uint64_t sent = 0;
  while (to.going && sent < ready_bytes) {
    auto wanted = std::min<uint64_t>(room, ready_bytes - sent);
    auto at = to.head.offset + sent;
    auto work = [read, at, out = std::span{buffer.get(), size_t(wanted)}] { return read(at, out); };
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

/// What came before this node was asked: the head may be with the client already, of another node.
task<result<void>> send_object_part(exchange& ex, pulled_answer& to, sha256_digest digest) {
  auto* objects = &ex.node().objects();
  auto look = [objects, digest] { return objects->read(digest); };
  auto opened = co_await ex.on_disk(look);
  if (!opened)
    co_return tl::unexpected{opened.error()};
  if (opened->size_bytes != to.what.size_bytes)
    co_return fail(ec::corrupt, "object " + digest.hex() + " has not the size of the file");
  auto& head = to.head;
  if (!ex.answered())
    to.going = co_await ex.send_head(head.head, head.length);
  auto object = std::make_shared<object_store::reader>(std::move(*opened));
  auto read = [object](uint64_t at, std::span<uint8_t> out) -> result<size_t> {
    auto n = ::pread(object->file.get(), out.data(), out.size(), static_cast<off_t>(at));
    return n < 0 ? result<size_t>{fail(ec::storage_failed)} : static_cast<size_t>(n);
  };
  auto sent = co_await send_some(ex, to, head.length, read);
  if (!sent)
    co_return tl::unexpected{sent.error()};
  head.offset += *sent;
  head.length -= *sent;
  if (to.going && head.length > 0)
    co_return fail(ec::corrupt, "object " + digest.hex() + " is too short");
  co_return result<void>{};
}

} // namespace

pulled_answer pulled_answer_of(exchange& ex, origin_name name, origin_record found,
                               const stored_bytes& what) {
  auto from = pull_of(ex.node().web_origins()->config().base_urls, name, found);
  return {answer_range(range_request_of(ex), what), std::move(name), std::move(found),
          std::move(from)};
}

task<result<void>> pull_here(exchange& ex, pulled_answer& to) {
  auto object = co_await object_of(ex, to);
  if (object) {
    auto sent = co_await send_object_part(ex, to, *object);
    co_return sent;
  }
  auto opened = co_await open(ex, to.from);
  if (!opened)
    co_return tl::unexpected{opened.error()};
  if (opened->object) {
    auto sent = co_await send_object_part(ex, to, *opened->object);
    co_return sent;
  }
  reading place{std::move(opened->fetcher)};
  std::shared_ptr<pulled_file> file;
  auto began = mono_now();
  auto& head = to.head;
  while (to.going && head.length > 0) {
    // The fetcher is asked for what is not there yet: it ends soon after the file is whole, though
    // clients may take long to read what is ready.
    auto ready_bytes = file ? file->ready_from(head.offset, head.length) : 0;
    if (ready_bytes == 0) {
      auto ready = co_await place.ask(ex, head.offset, head.length);
      if (!ready)
        co_return tl::unexpected{ready.error()};
      file = ready->file;
      ready_bytes = ready->ready_bytes;
    }
    if (ready_bytes == 0) {
      if (!ex.answered() && mono_now() - began > defaults::webseed_first_byte_patience)
        co_return fail(ec::timeout, "the origin has not given a byte yet");
      continue;
    }
    if (!ex.answered())
      to.going = co_await ex.send_head(head.head, head.length);
    auto read = [file](uint64_t at, std::span<uint8_t> out) { return file->read(at, out); };
    auto sent = co_await send_some(ex, to, ready_bytes, read);
    if (!sent)
      co_return tl::unexpected{sent.error()};
    head.offset += *sent;
    head.length -= *sent;
  }
  co_return result<void>{};
}

} // namespace shoal::http
