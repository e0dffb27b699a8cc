// SPDX-License-Identifier: Apache-2.0
// How the files of a preheat come.
#include "actors/error.hpp"
#include "actors/mirror_survey.hpp"
#include "actors/origin_names.hpp"
#include "actors/preheater.hpp"
#include "core/log.hpp"

namespace shoal {

namespace {

/// A reader that no bytes come for asks again.
constexpr std::chrono::seconds read_patience{30};

/// A registration reads all files, which takes as long as the disk does.
constexpr std::chrono::seconds registration_patience{24 * 3600};

/// What is known of a file before it was pulled.
origin_record known_of(const hub_file& file, const origin_name& commit) {
  origin_record known;
  known.size_bytes = file.size_bytes;
  known.commit = commit.rev;
  known.sha256 = file.sha256;
  known.git_blob = file.git_blob;
  known.etag = file.sha256 ? file.sha256->hex() : file.git_blob ? file.git_blob->hex() : "";
  return known;
}

/// Reads the book, and looks at the disk.
bool is_here(webseed_side& side, const origin_name& commit, const hub_file& file) {
  auto object = object_of(side.book(), commit, file);
  return file.size_bytes == 0 || (object && side.store().size(*object) == file.size_bytes);
}

} // namespace

void preheater::survey(running& r) {
  auto work = [mail = mail_, side = config_.side, commit = r.job.commit(), files = r.job.files(),
               id = r.job.id()] {
    preheat_step x;
    x.job = id;
    for (auto& file : files)
      x.here.push_back(is_here(*side, commit, file));
    mail->send(std::move(x));
  };
  config_.side->disk().post(std::move(work));
}

// -- bytes -------------------------------------------------------------------------------------

void preheater::pump(running& r) {
  while (auto file = r.job.next(mono_now()))
    bring(r, *file);
  if (r.job.is_pulling() && r.job.has_ended_pulls()) {
    if (r.job.end_pulls(unix_now()))
      enlist(r);
    else
      let_go(r);
  }
}

/// From another node that has it; else from the origin, once for all nodes.
void preheater::bring(running& r, size_t file) {
  auto& what = r.job.files()[file];
  if (is_here(*config_.side, r.job.commit(), what)) // By now: somebody else has asked for it.
    return r.job.arrived(file);
  auto id = r.job.id();
  if (!config_.finder || !what.sha256)
    return ask_home(id, file, 0);
  auto record = known_of(what, r.job.commit());
  request(config_.finder, patience, find_object{*what.sha256})
      .then([=, this](const object_places& x) { bring_from_nodes(id, file, record, x); },
            [=, this](const caf::error&) { ask_home(id, file, 0); });
}

/// @param what it is; `sha256` is known.
void preheater::bring_from_nodes(uint64_t id, size_t file, const origin_record& what,
                                 object_places places) {
  auto* r = under_way(id, file);
  if (!r)
    return;
  auto name = r->job.commit();
  name.path = r->job.files()[file].path;
  auto then = [mail = mail_, side = config_.side, claims = config_.claims, id, file, what,
               name](const result<void>& how) {
    side->disk().post([=] {
      preheat_step x;
      x.job = id;
      x.file = file;
      if (!how)
        x.failed = error{ec::unavailable, how.error().detail};
      else if (auto noted = note_told(side->book(), name, what); !noted)
        x.failed = noted.error();
      // It came as an upload does: nobody needs it, so it is cached.
      else if (auto held = claims->take({*what.sha256}); !held)
        x.failed = held.error();
      mail->send(std::move(x));
    });
  };
  config_.pulls->pull({*what.sha256, std::move(places.places), true}, std::move(then));
}

/// In a cluster the file's home pulls it, as it does for readers, and this node brings it from
/// there.
void preheater::ask_home(uint64_t id, size_t file, uint64_t seen_bytes) {
  auto* r = under_way(id, file);
  if (!r)
    return;
  if (!config_.errands)
    return pull(*r, file);
  auto name = r->job.commit();
  name.path = r->job.files()[file].path;
  pull_errand ask{name, known_of(r->job.files()[file], name), seen_bytes};
  request(config_.errands, patience, std::move(ask))
      .then(
          [=, this](const errand_progress& x) {
            if (auto* still = under_way(id, file))
              on_errand(*still, file, x);
          },
          [=, this](const caf::error& why) {
            if (auto* still = under_way(id, file))
              over(*still, file, from_caf(why));
          });
}

void preheater::on_errand(running& r, size_t file, const errand_progress& x) {
  auto id = r.job.id();
  if (x.is_ours)
    return pull(r, file);
  r.job.moved(file, x.done_bytes);
  if (!x.arrived)
    return ask_home(id, file, x.done_bytes);
  request(config_.finder, patience, find_object{*x.arrived->sha256, true})
      .then(
          [=, this, what = *x.arrived](const object_places& places) {
            bring_from_nodes(id, file, what, places);
          },
          [=, this](const caf::error&) { // It has gone again.
            if (auto* still = under_way(id, file))
              over(*still, file, error{ec::unavailable, "the node that pulled it has it no more"});
          });
}

void preheater::pull(running& r, size_t file) {
  auto id = r.job.id();
  auto name = r.job.commit();
  name.path = r.job.files()[file].path;
  auto known = known_of(r.job.files()[file], name);
  open_pull ask{pull_of(config_.side->config().base_urls, std::move(name), known)};
  request(config_.webseed, patience, std::move(ask))
      .then(
          [=, this](const opened_pull& x) {
            auto* still = under_way(id, file);
            if (x.object) {
              if (still)
                over(*still, file, std::nullopt);
            } else if (still) {
              still->readings[file].from = x.fetcher;
              read_on(*still, file);
            } else {
              anon_send(x.fetcher, atom::stop::value);
            }
          },
          [=, this](const caf::error& why) {
            if (auto* still = under_way(id, file))
              over(*still, file, from_caf(why));
          });
}

/// As a client does that takes all that is ready; but the bytes stay where they are.
void preheater::read_on(running& r, size_t file) {
  auto id = r.job.id();
  auto& at = r.readings.at(file);
  read_pull ask{at.reader, at.offset, r.job.files()[file].size_bytes - at.offset};
  request(at.from, read_patience, ask)
      .then(
          [=, this, from = at.from](const pull_progress& x) {
            if (auto* still = under_way(id, file))
              on_progress(*still, file, x);
            else
              leave({from, x.reader, 0}); // It was not known before whom to take leave as.
          },
          [=, this](const caf::error& why) {
            if (auto* still = under_way(id, file))
              over(*still, file, from_caf(why));
          });
}

void preheater::on_progress(running& r, size_t file, const pull_progress& x) {
  auto& at = r.readings.at(file);
  at.reader = x.reader;
  at.offset += x.ready_bytes;
  auto done_bytes = std::max(at.offset, x.come_bytes);
  if (std::exchange(at.done_bytes, done_bytes) != done_bytes)
    r.job.moved(file, done_bytes);
  if (at.offset < r.job.files()[file].size_bytes)
    read_on(r, file);
  else
    over(r, file, std::nullopt);
}

void preheater::over(running& r, size_t file, const std::optional<error>& failed) {
  if (auto at = r.readings.extract(file); at && at.mapped().reader != 0)
    anon_send(at.mapped().from, leave_pull{at.mapped().reader});
  if (failed)
    log::warn("preheater", "lacks a file name={} path={} error=\"{}\"", r.job.called(),
              r.job.files()[file].path, to_string(*failed));
  if (failed)
    r.job.failed(file, *failed, mono_now());
  else
    r.job.arrived(file);
  pump(r);
}

// -- the end -----------------------------------------------------------------------------------

void preheater::enlist(running& r) {
  auto id = r.job.id();
  auto finish = [=, this](mirror_outcome how) {
    auto* still = at_work(id);
    if (!still)
      return;
    still->job.registered(how, unix_now());
    let_go(*still);
  };
  request(config_.mirrors, registration_patience, make_mirror{r.job.commit()})
      .then([=](const mirror_made& x) { finish(x.how); },
            [=](const caf::error&) { finish(mirror_outcome::failed); });
}

} // namespace shoal
