// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/handlers.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/registry_json.hpp"

#include <atomic>

namespace shoal::http {

namespace {

/// Smaller bodies are parsed faster than another thread would notice them.
constexpr size_t inline_parse_bytes_max = 16 * 1024;

/// The right to hold a big body in memory: strangers may register where no key is set.
class big_body_ticket {
public:
  explicit big_body_ticket(bool wanted) : taken_{wanted} {
    if (taken_)
      good_ = in_work++ < limits::torrent_bodies_at_once_max;
  }
  ~big_body_ticket() {
    if (taken_)
      --in_work;
  }
  big_body_ticket(const big_body_ticket&) = delete;
  big_body_ticket& operator=(const big_body_ticket&) = delete;

  bool good() const { return good_; }

private:
  static std::atomic<unsigned> in_work;

  bool taken_;
  bool good_ = true;
};

std::atomic<unsigned> big_body_ticket::in_work{0};

bool may_be_big(const exchange& ex) {
  auto length = ex.body_length();
  return !length || *length > limits::json_body_bytes_max;
}

task<result<registration_body>> read_registration(exchange& ex) {
  auto body = co_await ex.read_body(limits::torrent_body_bytes_max);
  if (!body)
    co_return tl::unexpected{body.error()};
  if (body->size() <= inline_parse_bytes_max)
    co_return parse_registration(*body);
  auto parse = [text = std::move(*body)] { return parse_registration(text); };
  auto parsed = co_await ex.on_disk(std::move(parse));
  co_return parsed;
}

/// Stores the .torrent that came along, so that an acknowledged entry never lacks it.
task<result<void>> store_torrent(exchange& ex, registration_body& made) {
  if (made.torrent.empty())
    co_return result<void>{};
  auto put = [&objects = ex.node().objects(), bytes = std::move(made.torrent)] {
    return objects.files().put(bytes);
  };
  auto stored = co_await ex.on_disk(std::move(put));
  if (!stored)
    co_return tl::unexpected{stored.error()};
  made.entry.torrent_object = *stored;
  co_return result<void>{};
}

bool any_blocked(const exchange& ex, const torrent_hashes& hashes) {
  for (auto& [hash, source] : hashes.swarms())
    if (ex.node().directory().lookup(hash).blocked)
      return true;
  return false;
}

task<result<void>> register_one(exchange& ex) {
  big_body_ticket ticket{may_be_big(ex)};
  if (!ticket.good())
    co_return fail(ec::busy, "too many big registrations at once");
  auto made = co_await read_registration(ex);
  if (!made)
    co_return tl::unexpected{made.error()};
  // Only the commit decides, but this keeps the files of blocked torrents off the disk.
  if (any_blocked(ex, made->entry.hashes))
    co_return fail(ec::blocked);
  auto stored = co_await store_torrent(ex, *made);
  if (!stored)
    co_return stored;
  auto& shard = shard_of(ex, made->entry.hashes.primary_swarm().chars());
  register_entry order{std::move(made->entry)};
  auto written = co_await ex.ask<registry_entry>(shard, std::move(order));
  if (!written)
    co_return tl::unexpected{written.error()};
  co_return result<void>{};
}

} // namespace

task<> registry_lookup(exchange& ex) {
  auto found = co_await lookup(ex);
  if (!found)
    co_await ex.send(registry_error(found.error()));
  else
    co_await ex.send(json(200, dump_json(to_json(*found))));
}

task<> registry_register(exchange& ex) {
  auto done = co_await register_one(ex);
  if (done)
    co_await ex.send(json(201, R"({"status":"created"})"));
  else if (done.error().code == ec::missing_argument)
    co_await ex.send(text(400, "Missing info_hash or name"));
  else
    co_await ex.send(registry_error(done.error()));
}

task<> registry_remove(exchange& ex) {
  auto asked = hash_of_query(ex);
  if (!asked) {
    co_await ex.send(registry_error(asked.error()));
    co_return;
  }
  auto reason = ex.params()->get("reason").value_or("");
  if (asked->bytes.empty() || reason.size() > limits::text_field_bytes_max) {
    auto why = asked->bytes.empty() ? "Invalid info_hash: it must be 40 or 64 hex digits"
                                    : "The reason is too long";
    co_await ex.send(text(400, why));
    co_return;
  }
  auto& shard = shard_of(ex, asked->bytes);
  remove_entry order{asked->bytes, std::move(reason)};
  auto gone = co_await ex.ask<atom::clear>(shard, std::move(order));
  if (gone)
    co_await ex.send(json(200, R"({"status":"deleted"})"));
  else
    co_await ex.send(registry_error(gone.error()));
}

} // namespace shoal::http
