// SPDX-License-Identifier: Apache-2.0
// What a node pulls because another one asks for it.
#include "actors/error.hpp"
#include "actors/link_archive.hpp"
#include "actors/mirror_survey.hpp"
#include "actors/origin_names.hpp"
#include "actors/pull_errands.hpp"
#include "core/limits.hpp"
#include "protocol/git_identity.hpp"

namespace shoal {

namespace {

/// Whoever waits hears something so often, if only that nothing has changed.
constexpr std::chrono::seconds report_period{2};

/// Of an errand that nobody asks about any more.
constexpr std::chrono::seconds errand_life{30};

/// The book learns a little after the readers what a file is.
constexpr unsigned looks_max = 20;
constexpr std::chrono::milliseconds look_pause{100};

constexpr std::chrono::seconds errand_open_patience{60};

/// A reader that no bytes come for asks again.
constexpr std::chrono::seconds errand_read_patience{30};

struct read_order {
  origin_name name;
  origin_record known;
  uint64_t seen_bytes = 0;
};

/// @errors ec::invalid_argument: nothing that could be pulled.
result<read_order> read_errand(std::string_view body) {
  auto order = from_archive<errand_order>(body);
  if (!order)
    return tl::unexpected{order.error()};
  auto record = decode_origin(order->record);
  if (!record)
    return tl::unexpected{record.error()};
  read_order x{{order->kind, order->id, order->rev, order->path}, *record, order->seen_bytes};
  if (!is_sound(x.name) || !is_commit_id(x.name.rev) || x.known.size_bytes == 0
      || x.known.size_bytes > limits::object_bytes_max)
    return fail(ec::invalid_argument, "an errand for nothing that could be pulled");
  x.known.commit = x.name.rev;
  return x;
}

} // namespace

pull_errands::errand* pull_errands::find(const sha256_digest& pull) {
  auto found = errands_.find(pull);
  return found == errands_.end() ? nullptr : &found->second;
}

void pull_errands::on_question(const link_question& x) {
  auto order = read_errand(x.body);
  if (!order)
    return x.reply.refuse(order.error().code, order.error().detail);
  auto& config = config_.side->config();
  if (!config.covers(order->name.id))
    return x.reply.refuse(ec::unsupported, "this node asks no origin for such a model");
  auto pull = pull_of(config.base_urls, order->name, order->known).key;
  auto* e = find(pull);
  auto is_new = !e;
  if (is_new ? errands_.size() >= limits::pull_errands_max
             : e->waiting.size() >= limits::pull_errand_waiters_max)
    return x.reply.refuse(ec::busy, "too many files come here for others");
  if (is_new) {
    e = &errands_[pull];
    e->name = std::move(order->name);
    e->known = std::move(order->known);
    e->pull = pull;
    *count_ = errands_.size();
  }
  auto now = mono_now();
  e->asked_at = now;
  e->waiting.push_back({x.reply, order->seen_bytes, now + report_period});
  if (is_new)
    look(*e);
  else
    tell(*e);
}

// -- the file ----------------------------------------------------------------------------------

/// Whether it is here: before it is pulled, and when it was.
void pull_errands::look(errand& e) {
  e.look_at.reset();
  hub_file file{e.name.path, e.known.size_bytes, e.known.sha256, e.known.git_blob};
  auto work = [side = config_.side, mail = mail_, name = e.name, pull = e.pull, file] {
    auto object = object_of(side->book(), name, file);
    if (object && side->store().size(*object) != file.size_bytes)
      object.reset();
    mail->send(errand_step{pull, object});
  };
  config_.side->disk().post(std::move(work));
}

void pull_errands::on_step(const errand_step& x) {
  auto* e = find(x.pull);
  if (!e)
    return;
  if (x.object)
    return arrived(*e, *x.object);
  if (!e->from)
    return open(*e);
  if (++e->looks >= looks_max)
    return fail_all(x.pull, e->from, {ec::storage_failed, "the file has gone again"});
  e->look_at = mono_now() + look_pause;
}

void pull_errands::open(errand& e) {
  open_pull ask{pull_of(config_.side->config().base_urls, e.name, e.known)};
  request(config_.webseed, errand_open_patience, std::move(ask))
      .then(
          [this, pull = e.pull](const opened_pull& x) {
            auto* still = find(pull);
            if (x.object) {
              if (still && !still->from)
                arrived(*still, *x.object);
            } else if (still && !still->from) {
              still->from = x.fetcher;
              read_on(*still);
            } else {
              anon_send(x.fetcher, atom::stop::value);
            }
          },
          [this, pull = e.pull](const caf::error& why) { fail_all(pull, {}, from_caf(why)); });
}

/// As a client does that takes all that is ready; but the bytes stay where they are.
void pull_errands::read_on(errand& e) {
  read_pull ask{e.reader, e.offset, e.known.size_bytes - e.offset};
  request(e.from, errand_read_patience, ask)
      .then(
          [this, pull = e.pull, from = e.from](const pull_progress& x) {
            auto* still = find(pull);
            if (still && still->from == from)
              return on_progress(*still, x);
            anon_send(from, leave_pull{x.reader}); // It was not known before whom to leave as.
            anon_send(from, atom::stop::value);
          },
          [this, pull = e.pull, from = e.from](const caf::error& why) {
            fail_all(pull, from, from_caf(why));
          });
}

void pull_errands::on_progress(errand& e, const pull_progress& x) {
  e.reader = x.reader;
  e.offset += x.ready_bytes;
  e.done_bytes = std::max(e.offset, x.come_bytes);
  if (e.offset >= e.known.size_bytes)
    return look(e);
  tell(e);
  read_on(e);
}

// -- who asked ---------------------------------------------------------------------------------

/// Tells those who know less, and those who have waited for long.
void pull_errands::tell(errand& e) {
  auto now = mono_now();
  std::erase_if(e.waiting, [&](waiter& w) {
    if (w.seen_bytes >= e.done_bytes && w.until > now)
      return false;
    w.reply(to_archive(errand_report{e.done_bytes, {}, 0, {}}));
    return true;
  });
}

void pull_errands::arrived(errand& e, const sha256_digest& object) {
  auto record = e.known;
  record.sha256 = object;
  record.checked_at = unix_now();
  auto report = to_archive(errand_report{e.known.size_bytes, encode(record), 0, {}});
  for (auto& w : e.waiting)
    w.reply(report);
  end(e.pull);
}

/// @param from whom that is known of; another errand for the same file may be there by now.
void pull_errands::fail_all(const sha256_digest& pull, const webseed_fetcher_actor& from,
                            const error& why) {
  auto* e = find(pull);
  if (!e || e->from != from)
    return;
  auto report
      = to_archive(errand_report{e->done_bytes, {}, static_cast<uint8_t>(why.code), why.detail});
  for (auto& w : e->waiting)
    w.reply(report);
  end(pull);
}

void pull_errands::end(const sha256_digest& pull) {
  auto over = errands_.extract(pull);
  *count_ = errands_.size();
  auto& e = over.mapped();
  if (!e.from)
    return;
  if (e.reader != 0)
    anon_send(e.from, leave_pull{e.reader});
  anon_send(e.from, atom::stop::value);
}

void pull_errands::on_tick() {
  auto now = mono_now();
  std::vector<sha256_digest> left;
  for (auto& [pull, e] : errands_) {
    tell(e);
    if (e.look_at && *e.look_at <= now)
      look(e);
    if (e.waiting.empty() && now - e.asked_at > errand_life)
      left.push_back(pull);
  }
  for (auto& pull : left)
    end(pull);
}

} // namespace shoal
