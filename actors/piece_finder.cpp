// SPDX-License-Identifier: Apache-2.0
#include "actors/piece_finder.hpp"

#include "actors/error.hpp"
#include "core/limits.hpp"
#include "core/log.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// Who asks does not wait as long; what comes later is of use for the next pull.
constexpr std::chrono::seconds piece_finder_patience{30};

} // namespace

piece_finder::piece_finder(caf::actor_config& cfg, piece_finder_config config)
    : piece_finder_actor::base(cfg), config_{std::move(config)},
      mail_{std::make_shared<late_mail>(caf::actor_cast<caf::actor>(this))} {}

void piece_finder::on_exit() {
  mail_->close();
  searches_.clear();
  config_.catalog = nullptr;
  config_.gatherer = nullptr;
}

piece_finder::promise piece_finder::on_find(find_piece_hashes& ask) {
  auto answer = make_response_promise<promise>();
  if (searches_.size() >= limits::webseed_pulls_max) {
    answer.deliver(found_piece_hashes{nullptr, false});
    return answer;
  }
  auto id = ++last_search_;
  auto& made = searches_[id];
  made.ask = std::move(ask);
  made.answer = answer;
  ask_catalog(id, made.ask.called.rev);
  return answer;
}

/// @param rev empty: the last one.
void piece_finder::ask_catalog(uint64_t id, const std::string& rev) {
  auto go_on = [this, id, is_last = rev.empty()] {
    if (is_last)
      look(id);
    else
      ask_catalog(id, {});
  };
  lookup_revision question{searches_.at(id).ask.called.id, rev};
  request(config_.catalog, piece_finder_patience, std::move(question))
      .then(
          [this, id, go_on](const revision& x) {
            note(searches_.at(id), x);
            go_on();
          },
          [this, id, go_on](const caf::error& why) {
            note_failure(searches_.at(id), why);
            go_on();
          });
}

void piece_finder::note_failure(search& s, const caf::error& why) {
  if (from_caf(why).code != ec::not_found)
    s.is_sure = false;
}

void piece_finder::note(search& s, const revision& x) {
  auto counts = x.is_mirror || x.rev == s.ask.called.rev;
  auto is_noted = std::count(s.manifests.begin(), s.manifests.end(), x.manifest) > 0;
  if (counts && !is_noted && x.kind == s.ask.called.kind)
    s.manifests.push_back(x.manifest);
}

void piece_finder::look(uint64_t id) {
  auto& s = searches_.at(id);
  if (s.manifests.empty())
    return settle(id, nullptr);
  auto work = [mail = mail_, store = &config_.side->store(), id, name = s.manifests.front(),
               file = s.ask.file, size = s.ask.size_bytes] {
    mail->send(piece_step{id, survey_pieces(*store, name, file, size)});
  };
  config_.side->disk().post(std::move(work));
}

void piece_finder::on_step(const piece_step& x) {
  auto& s = searches_.at(x.search);
  if (!x.found) {
    log::warn("piece_finder", "cannot read what a revision says of pieces manifest={} error=\"{}\"",
              s.manifests.front().brief(), to_string(x.found.error()));
    return pass_over(x.search);
  }
  if (x.found->pieces)
    return settle(x.search, x.found->pieces);
  auto& absent = x.found->absent;
  if (absent && config_.gatherer && s.sought.insert(*absent).second)
    return bring(x.search, *absent);
  pass_over(x.search);
}

/// From another node that has it.
void piece_finder::bring(uint64_t id, const sha256_digest& object) {
  request(config_.gatherer, piece_finder_patience, gather_object{object, true})
      .then(
          [this, id](const gathered_object& x) {
            searches_.at(id).held.push_back(x.hold);
            look(id);
          },
          [this, id](const caf::error& why) {
            note_failure(searches_.at(id), why);
            pass_over(id);
          });
}

void piece_finder::pass_over(uint64_t id) {
  searches_.at(id).manifests.pop_front();
  look(id);
}

void piece_finder::settle(uint64_t id, std::shared_ptr<const piece_hashes> pieces) {
  auto over = searches_.extract(id);
  auto& s = over.mapped();
  auto is_sure = pieces != nullptr || s.is_sure;
  s.answer.deliver(found_piece_hashes{std::move(pieces), is_sure});
  if (!s.held.empty()) // Letting go of them waits for the disk.
    config_.side->disk().post([held = std::move(s.held)]() mutable { held.clear(); });
}

piece_finder::behavior_type piece_finder::make_behavior() {
  return {
      [this](find_piece_hashes& x) { return on_find(x); },
      [this](const piece_step& x) { on_step(x); },
  };
}

} // namespace shoal
