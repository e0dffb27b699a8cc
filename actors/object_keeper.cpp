// SPDX-License-Identifier: Apache-2.0
#include "actors/object_keeper.hpp"

#include "actors/error.hpp"
#include "core/log.hpp"
#include "protocol/manifest.hpp"

#include <algorithm>
#include <set>
#include <unistd.h>

namespace shoal {

object_keeper::object_keeper(caf::actor_config& cfg, object_keeper_config config)
    : object_keeper_actor::base(cfg), config_{std::move(config)},
      asker_{*config_.links, caf::actor_cast<caf::actor>(this)} {}

// -- from elsewhere ----------------------------------------------------------------------

/// All that own or stand by for something, in random order but for the first.
std::vector<std::string> object_keeper::nodes(const std::string& first) const {
  std::set<cluster::node_number> seen{cluster::nobody, cluster::this_node};
  std::vector<std::string> all;
  for (size_t slot = 0; slot < slot_count; ++slot) {
    auto [owner, standby] = config_.routes->route(slot);
    for (auto node : {owner, standby})
      if (seen.insert(node).second && config_.routes->is_reachable(node))
        all.push_back(config_.routes->name_of(node));
  }
  std::erase(all, first);
  if (!first.empty() && first != config_.routes->name_of(cluster::this_node))
    all.push_back(first);
  return all;
}

void object_keeper::need(const sha256_digest& object, const std::string& first, told then) {
  if (config_.objects->size(object))
    return then({});
  if (auto known = fetches_.find(object); known != fetches_.end()) {
    known->second->waiting.push_back(std::move(then));
    return;
  }
  if (fetches_.size() >= limits::object_fetches_max)
    return then(fail(ec::busy, "too many objects are on their way"));
  auto f = std::make_shared<fetch>();
  f->object = object;
  f->sources = nodes(first);
  f->waiting.push_back(std::move(then));
  fetches_.emplace(object, f);
  next_source(f);
}

void object_keeper::next_source(const fetch_ptr& f) {
  f->incoming.reset();
  if (f->sources.empty())
    return end(f, tl::unexpected{f->last});
  auto node = std::move(f->sources.back());
  f->sources.pop_back();
  next_piece(f, node);
}

void object_keeper::next_piece(const fetch_ptr& f, const std::string& node) {
  object_range wanted{f->object, f->incoming ? f->incoming->size() : 0};
  asker_.ask(node, link_kind::object_piece, to_archive(wanted), config_.now() + config_.patience,
             [=, this](const result<std::string>& body) {
               auto piece = body ? from_archive<object_piece>(*body) : tl::unexpected{body.error()};
               auto whole = piece ? take(*f, *piece) : tl::unexpected{piece.error()};
               if (whole && *whole)
                 return end(f, {});
               if (whole)
                 return next_piece(f, node);
               // That one node does not have it says less than any other trouble.
               if (whole.error().code != ec::not_found)
                 f->last = whole.error();
               next_source(f);
             });
}

/// @returns whether the object is here now.
result<bool> object_keeper::take(fetch& f, const object_piece& piece) {
  if (piece.size_bytes > limits::manifest_bytes_max)
    return fail(ec::too_large, "an object that is no manifest and no torrent");
  if (!f.incoming) {
    auto begun = config_.objects->begin(piece.size_bytes);
    if (!begun)
      return tl::unexpected{begun.error()};
    f.incoming.emplace(std::move(*begun));
    f.size_bytes = piece.size_bytes;
  }
  auto is_last = f.incoming->size() + piece.bytes.size() >= f.size_bytes;
  if (piece.size_bytes != f.size_bytes || (piece.bytes.empty() && !is_last))
    return fail(ec::hash_mismatch);
  if (auto added = f.incoming->append(as_bytes(piece.bytes)); !added)
    return tl::unexpected{added.error()};
  if (!is_last)
    return false;
  auto stored = f.incoming->finish(f.object);
  if (!stored)
    return tl::unexpected{stored.error()};
  return true;
}

void object_keeper::end(const fetch_ptr& f, const result<void>& how) {
  fetches_.erase(f->object);
  if (!how)
    log::warn("objects", "cannot fetch object={} error=\"{}\"", f->object.brief(),
              to_string(how.error()));
  for (auto& then : std::exchange(f->waiting, {}))
    then(how);
}

object_keeper::promise<atom::load> object_keeper::on_fetch(const fetch_object& ask) {
  auto answer = make_response_promise<promise<atom::load>>();
  need(ask.object, {}, [answer](const result<void>& how) mutable {
    if (how)
      answer.deliver(atom::load::value);
    else
      answer.deliver(to_caf(how.error()));
  });
  return answer;
}

// -- with a record -----------------------------------------------------------------------

result<std::vector<sha256_digest>> object_keeper::named_by(const sha256_digest& manifest) const {
  return config_.objects->load(manifest, limits::manifest_bytes_max)
      .and_then(decode_manifest)
      .map([](const shoal::manifest& m) {
        std::vector<sha256_digest> all;
        for (auto& torrent : m.torrents)
          all.push_back(torrent.object);
        return all;
      });
}

void object_keeper::need_all(std::shared_ptr<const keep_objects> what, size_t next, told then) {
  if (next >= what->objects.size()) {
    then({});
    return;
  }
  need(what->objects[next], what->source, [=, this](const result<void>& how) {
    if (how)
      need_all(what, next + 1, then);
    else
      then(how);
  });
}

object_keeper::promise<atom::save> object_keeper::on_keep(const keep_objects& ask) {
  auto answer = make_response_promise<promise<atom::save>>();
  auto finish = [answer](const result<void>& how) mutable {
    if (how)
      answer.deliver(atom::save::value);
    else
      answer.deliver(to_caf(how.error()));
  };
  auto what = std::make_shared<keep_objects>(ask);
  auto keep = [=, this](const result<void>& how) mutable {
    if (!how)
      return finish(how);
    if (what->manifest)
      if (auto named = named_by(*what->manifest))
        for (auto& object : *named)
          if (std::find(what->objects.begin(), what->objects.end(), object) == what->objects.end())
            what->objects.push_back(object);
    need_all(what, 0, [=, this](const result<void>& all) mutable {
      if (all)
        tell_standby(*what, finish);
      else
        finish(all);
    });
  };
  if (what->manifest)
    need(*what->manifest, what->source, keep);
  else
    keep({});
  return answer;
}

/// If the standby cannot be reached, or cannot take them, what is here suffices.
void object_keeper::tell_standby(const keep_objects& what, told then) {
  auto standby = config_.routes->route(what.slot % slot_count).standby;
  if (standby == cluster::nobody || standby == cluster::this_node
      || !config_.routes->is_reachable(standby))
    return then({});
  asker_.ask(config_.routes->name_of(standby), link_kind::adopt_objects,
             to_archive(adopt_objects{what.objects}), config_.now() + config_.patience,
             [then](const result<std::string>& how) {
               if (!how)
                 log::warn("objects", "are not at the standby error=\"{}\"",
                           to_string(how.error()));
               then({});
             });
}

// -- for other nodes ---------------------------------------------------------------------

result<object_piece> object_keeper::read_piece(const object_range& what) const {
  auto opened = config_.objects->read(what.object);
  if (!opened)
    return tl::unexpected{opened.error()};
  if (opened->size_bytes > limits::manifest_bytes_max || what.offset > opened->size_bytes)
    return fail(ec::too_large);
  object_piece piece;
  piece.size_bytes = opened->size_bytes;
  auto left = opened->size_bytes - what.offset;
  piece.bytes.resize(std::min<uint64_t>(left, limits::object_piece_bytes_max));
  size_t got = 0;
  while (got < piece.bytes.size()) {
    auto n = ::pread(opened->file.get(), piece.bytes.data() + got, piece.bytes.size() - got,
                     static_cast<off_t>(what.offset + got));
    if (n <= 0)
      return fail(ec::storage_failed);
    got += static_cast<size_t>(n);
  }
  return piece;
}

result<object_place> object_keeper::place_of(const object_query& what) const {
  auto size = config_.objects->size(what.object);
  if (!size)
    return fail(ec::not_found);
  auto address = config_.bulk_address ? config_.bulk_address() : std::string{};
  if (address.empty())
    return fail(ec::unavailable, "this node does not serve objects yet");
  return object_place{*size, std::move(address), config_.zone, {}};
}

void object_keeper::on_question(const link_question& x) {
  auto answer = [&](const auto& made) {
    x.reply(made ? result<std::string>{to_archive(*made)} : tl::unexpected{made.error()});
  };
  if (x.kind == link_kind::object_place)
    return answer(from_archive<object_query>(x.body).and_then(
        [this](const object_query& what) { return place_of(what); }));
  if (x.kind == link_kind::object_piece)
    return answer(from_archive<object_range>(x.body).and_then(
        [this](const object_range& what) { return read_piece(what); }));
  auto ask = from_archive<adopt_objects>(x.body);
  if (!ask || ask->objects.size() > limits::registry_entries_max)
    return x.reply(fail(ec::invalid_argument));
  auto what = std::make_shared<keep_objects>();
  what->objects = std::move(ask->objects);
  what->source = x.from;
  need_all(what, 0, [reply = x.reply](const result<void>& how) {
    if (how)
      reply(std::string{});
    else
      reply(tl::unexpected{how.error()});
  });
}

object_keeper::behavior_type object_keeper::make_behavior() {
  return {
      [this](const fetch_object& x) { return on_fetch(x); },
      [this](const keep_objects& x) { return on_keep(x); },
      [this](const link_question& x) { on_question(x); },
      [this](remote_answer& x) { asker_.answer(x); },
  };
}

} // namespace shoal
