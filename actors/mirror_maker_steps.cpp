// SPDX-License-Identifier: Apache-2.0
// How one commit becomes a mirror.
#include "actors/error.hpp"
#include "actors/mirror_maker.hpp"
#include "actors/mirror_survey.hpp"
#include "actors/origin_names.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <random>

namespace shoal {

namespace {

/// Of questions that origins, other nodes and the disk take part in.
constexpr std::chrono::seconds mirror_patience{60};

} // namespace

/// Runs on the thread for whole revisions; what the job returns comes back as a step.
template <class Job>
void mirror_maker::on_disk(Job job) {
  config_.side->hashing().post(
      [mail = mail_, job = std::move(job)]() mutable { mail->send(job()); });
}

void mirror_maker::look_up() {
  auto& name = now_->name;
  if (!config_.side->config().covers(name.id))
    return end(mirror_outcome::refused);
  resolve_name ask{{name.id, name.kind, true}, name.rev};
  request(config_.catalog, mirror_patience, std::move(ask))
      .then(
          [this](const resolved_name& x) {
            if (x.revision_known)
              end(mirror_outcome::there);
            else if (x.repository_known)
              check_openness();
            else
              list();
          },
          [this](const caf::error& why) { end_with(from_caf(why)); });
}

/// A model that is only privately here is nobody's business at an origin, and the other way round.
void mirror_maker::check_openness() {
  auto& name = now_->name;
  resolve_name ask{{name.id, name.kind, false}, "main"};
  request(config_.catalog, mirror_patience, std::move(ask))
      .then(
          [this](const resolved_name& x) {
            if (x.repository_known)
              list();
            else
              end(mirror_outcome::refused);
          },
          [this](const caf::error& why) { end_with(from_caf(why)); });
}

void mirror_maker::list() {
  request(config_.webseed, mirror_patience, list_origin{now_->name})
      .then(
          [this](const origin_listing& x) {
            if (x.found && x.commit == now_->name.rev)
              survey(x);
            else
              end(mirror_outcome::refused);
          },
          [this](const caf::error& why) { end_with(from_caf(why)); });
}

void mirror_maker::survey(const origin_listing& listing) {
  on_disk([side = config_.side, name = now_->name, listing] {
    mirror_step made;
    made.what = mirror_step::kind::surveyed;
    auto files = survey_mirror(*side, name, listing);
    if (files) {
      made.files = std::move(files->files);
      made.absent = std::move(files->absent);
    } else {
      made.failed = files.error();
    }
    return made;
  });
}

/// What an origin gives to a token of ours alone is not to be known to everybody (ADR 30).
void mirror_maker::judge() {
  auto& config = config_.side->config();
  auto came_openly = config.client.tokens.empty() && !news_; // Another node may have a token.
  if (came_openly || config.mirror_restricted)
    return gather();
  ask_openly();
}

/// Hubs guard the big files, if any.
void mirror_maker::ask_openly() {
  auto& all = files_->files;
  auto name = now_->name;
  name.path = std::max_element(all.begin(), all.end(), [](auto& a, auto& b) {
                return a.size_bytes < b.size_bytes;
              })->path;
  origin::request made;
  made.what = origin::request::verb::head;
  made.url = resolve_url(config_.side->config().base_urls.front(), name);
  made.stops_at_linked = true;
  made.anonymous = true;
  made.on_done = [mail = mail_](auto how) {
    mirror_step x;
    x.what = mirror_step::kind::judged;
    x.is_open = how.has_value();
    if (!how && !says_no(how.error()))
      x.failed = error{ec::unavailable, how.error().why.detail};
    mail->send(std::move(x));
  };
  config_.side->client().ask(std::move(made));
}

/// In a cluster: files are where they were pulled. Looks whether all are somewhere before the first
/// byte comes.
void mirror_maker::gather() {
  if (absent_.empty())
    return build();
  auto room = config_.side->store().usage().cache_bytes_max;
  if (files_->total_size_bytes() > room) {
    log::warn("mirrors", "has no room in its cache for a commit name={} bytes={} room={}",
              revision_text(now_->name), files_->total_size_bytes(), room);
    return end(mirror_outcome::refused);
  }
  request(config_.gatherer, caf::infinite, seek_objects{absent_})
      .then([this](const objects_sought&) { bring_next(); },
            [this](const caf::error& why) { lack(from_caf(why)); });
}

/// That takes its time: somebody else, such as a preheat, may have registered the commit meanwhile.
void mirror_maker::bring_next() {
  auto& name = now_->name;
  resolve_name ask{{name.id, name.kind, true}, name.rev};
  request(config_.catalog, mirror_patience, std::move(ask))
      .then(
          [this](const resolved_name& x) {
            if (x.revision_known)
              return end(mirror_outcome::there);
            if (absent_.empty())
              return build();
            auto object = absent_.back();
            absent_.pop_back();
            bring(object);
          },
          [this](const caf::error& why) { end_with(from_caf(why)); });
}

void mirror_maker::bring(sha256_digest object) {
  request(config_.gatherer, caf::infinite, gather_object{object})
      .then(
          [this](gathered_object& x) {
            brought_.push_back(std::move(x.hold));
            bring_next();
          },
          [this](const caf::error& why) { lack(from_caf(why)); });
}

/// An object is nowhere, or cannot be had for now.
void mirror_maker::lack(const error& why) {
  if (why.code == ec::not_found)
    find_incomplete();
  else
    end_with(why);
}

void mirror_maker::build() {
  auto work = [side = config_.side, claims = config_.claims, files = *files_, leaving = leaving_] {
    mirror_step x;
    x.what = mirror_step::kind::made;
    hash_options options;
    options.workers = 1; // Nobody waits for it.
    options.cancelled = leaving.get();
    auto made = build_mirror(*side, *claims, files, options);
    if (made)
      x.made = std::move(*made);
    else
      x.failed = made.error();
    return x;
  };
  on_disk(std::move(work));
}

/// In a cluster: a record must not name a manifest that dies with this node.
void mirror_maker::copy_out(bool is_first) {
  if (!config_.replicator)
    return enlist();
  if (is_first) {
    ticket_ = std::random_device{}() | uint64_t{std::random_device{}()} << 32;
    copies_until_ = mono_now() + mirror_patience;
  }
  copy_objects ask{ticket_, {}};
  auto& m = made_->what.content;
  auto& store = config_.side->store();
  if (is_first) {
    ask.objects.push_back({made_->manifest, store.size(made_->manifest).value_or(0)});
    for (auto& torrent : m.torrents)
      ask.objects.push_back({torrent.object, store.size(torrent.object).value_or(0)});
  }
  request(config_.replicator, mirror_patience, std::move(ask))
      .then(
          [this](const copy_state& x) {
            if (x.done)
              enlist();
            else if (mono_now() < copies_until_)
              copy_out(false);
            else
              end(mirror_outcome::failed);
          },
          [this](const caf::error& why) { end_with(from_caf(why)); });
}

void mirror_maker::enlist() {
  auto message = to_message(made_->what, made_->manifest);
  message.what.is_mirror = true;
  auto shard = config_.registry_of(message.entry.hashes.primary_swarm());
  request(shard, mirror_patience, std::move(message))
      .then([this](const registry_entry&) { settle(); },
            [this](const caf::error& why) {
              auto err = from_caf(why);
              // Somebody was first, perhaps when the origin said something else of the commit.
              if (err.code == ec::conflict)
                end(mirror_outcome::there);
              else
                end_with(err);
            });
}

/// The record names now what was held for it.
void mirror_maker::settle() {
  on_disk([claims = config_.claims, made = std::exchange(made_, nullptr)]() mutable {
    auto& m = made->what.content;
    auto settled = claims->settle_revision(ref_key(m.id, m.rev));
    if (!settled || !*settled)
      made->hold.keep();
    made.reset(); // Lets go of it before anybody hears that it is done.
    mirror_step x;
    x.what = mirror_step::kind::settled;
    if (!settled)
      x.failed = settled.error();
    return x;
  });
}

void mirror_maker::on_step(mirror_step& x) {
  if (!now_)
    return;
  if (x.failed)
    return end_with(*x.failed);
  switch (x.what) {
  case mirror_step::kind::surveyed:
    files_ = std::move(x.files);
    absent_ = std::move(x.absent);
    return files_ && (absent_.empty() || config_.gatherer) ? judge() : find_incomplete();
  case mirror_step::kind::judged:
    return x.is_open ? gather() : end(mirror_outcome::restricted);
  case mirror_step::kind::made:
    made_ = std::move(x.made);
    return made_ ? copy_out(true) : end(mirror_outcome::incomplete);
  case mirror_step::kind::settled:
    return end(mirror_outcome::made);
  }
}

} // namespace shoal
