// SPDX-License-Identifier: Apache-2.0
#include "actors/pull_errands.hpp"

#include "actors/error.hpp"
#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "actors/origin_names.hpp"
#include "cluster/object_homes.hpp"
#include "core/log.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// Longer than homes wait before they answer without news.
constexpr std::chrono::seconds errand_patience{8};

/// How long a node may say nothing of a pull until the next one begins it anew: links break and
/// come back, and crowds make a node slow.
constexpr std::chrono::seconds errand_silence{10};

/// Of a node that cannot do it, or says nothing.
constexpr std::chrono::seconds errand_absence{60};

/// Of who asked a node that says nothing.
constexpr std::chrono::milliseconds errand_pause{500};

constexpr std::chrono::milliseconds errand_tick_period{250};

/// Whether it is the node that cannot do it, and not the origin that does not give it.
bool says_of_node(ec code) {
  return code == ec::storage_full || code == ec::storage_failed || code == ec::unsupported
         || code == ec::shutting_down;
}

std::string body_of(const pull_errand& x) {
  return to_archive(
      errand_order{x.name.kind, x.name.id, x.name.rev, x.name.path, encode(x.known), x.seen_bytes});
}

/// @errors what the pull failed with; ec::corrupt: that is no report.
result<errand_progress> read_report(std::string_view body) {
  auto report = from_archive<errand_report>(body);
  if (!report)
    return fail(ec::corrupt, "no report of an errand");
  if (report->failed >= static_cast<uint8_t>(ec::ec_sentinel_))
    return fail(ec::corrupt, "an error that is not known");
  if (report->failed != 0)
    return fail(static_cast<ec>(report->failed), std::move(report->why));
  errand_progress x;
  x.done_bytes = report->done_bytes;
  if (report->arrived.empty())
    return x;
  auto record = decode_origin(report->arrived);
  if (!record || !record->sha256)
    return fail(ec::corrupt, "no record of what has arrived");
  x.arrived = std::move(*record);
  return x;
}

} // namespace

pull_errands::pull_errands(caf::actor_config& cfg, pull_errands_config config)
    : pull_errands_actor::base(cfg), config_{std::move(config)}, asker_{*config_.links,
                                                                        caf::actor_cast<caf::actor>(
                                                                            this)},
      mail_{std::make_shared<late_mail>(caf::actor_cast<caf::actor>(this))} {
  config_.metrics->add_reader("shoal_pull_errands", "Files that come here as another node asked",
                              "", [count = count_] { return double(count->load()); });
  config_.links->serve(link_kind::pull_errand, [mail = mail_](const cluster::link_message& x,
                                                              const cluster::link_reply& reply) {
    if (x.is_request)
      mail->send(
          link_question{std::string{x.from}, x.kind, std::string{x.body}, x.deadline, reply});
  });
}

void pull_errands::on_exit() {
  mail_->close();
  asker_.close();
  for (auto& [pull, e] : errands_)
    if (e.reader != 0)
      anon_send(e.from, leave_pull{e.reader});
  errands_.clear();
  late_.clear();
  config_.webseed = nullptr;
}

pull_errands::promise pull_errands::on_errand(const pull_errand& ask) {
  auto s = std::make_shared<search>();
  s->answer = make_response_promise<promise>();
  s->body = body_of(ask);
  s->seen_bytes = ask.seen_bytes;
  s->pull = pull_of(config_.side->config().base_urls, ask.name, ask.known).key;
  auto now = config_.now();
  auto there = config_.there();
  for (auto i : cluster::rank_homes(there, s->pull)) {
    auto known = troubles_.find({there[i].id, s->pull});
    if (known == troubles_.end() || known->second.until <= now)
      s->nodes.push_back(there[i].id);
  }
  std::reverse(s->nodes.begin(), s->nodes.end());
  try_next(s);
  return s->answer;
}

void pull_errands::try_next(const search_ptr& s) {
  // Where all nodes leave, or none can do it, whoever is asked pulls.
  if (s->nodes.empty() || s->nodes.back() == config_.self) {
    s->answer.deliver(errand_progress{true, 0, std::nullopt});
    return;
  }
  auto node = std::move(s->nodes.back());
  s->nodes.pop_back();
  asker_.ask(node, link_kind::pull_errand, s->body, config_.now() + errand_patience,
             [this, s, node](const result<std::string>& body) { on_report(s, node, body); });
}

void pull_errands::on_report(const search_ptr& s, const std::string& node,
                             const result<std::string>& body) {
  if (!body && body.error().code == ec::busy) { // No reason for a second pull.
    s->answer.deliver(to_caf(body.error()));
    return;
  }
  if (!body && body.error().code != ec::unsupported && body.error().code != ec::invalid_argument)
    return on_silence(s, node, body.error());
  auto report = body.and_then([](auto& text) { return read_report(text); });
  if (!report && (!body || report.error().code == ec::corrupt || says_of_node(report.error().code)))
    return pass_over(s, node, report.error());
  troubles_.erase({node, s->pull});
  if (report)
    s->answer.deliver(*report);
  else
    s->answer.deliver(to_caf(report.error()));
}

void pull_errands::on_silence(const search_ptr& s, const std::string& node, const error& why) {
  auto now = config_.now();
  auto& known = troubles_.try_emplace({node, s->pull}, trouble{now, {}}).first->second;
  if (now - known.since >= errand_silence)
    return pass_over(s, node, why);
  late_.push_back({s->answer, s->seen_bytes, now + errand_pause});
}

void pull_errands::pass_over(const search_ptr& s, const std::string& node, const error& why) {
  constexpr auto line = "has a file not pulled at its home node={} pull={} error=\"{}\"";
  if (why.code == ec::unsupported) // It is older, for all files, and no trouble.
    log::debug("preheater", line, node, s->pull.brief(), to_string(why));
  else
    log::warn("preheater", line, node, s->pull.brief(), to_string(why));
  auto now = config_.now();
  troubles_[{node, s->pull}] = {now, now + errand_absence};
  try_next(s);
}

void pull_errands::answer_late(mono_time now) {
  std::erase_if(late_, [&](late_answer& x) {
    if (x.due > now)
      return false;
    x.answer.deliver(errand_progress{false, x.done_bytes, std::nullopt});
    return true;
  });
  std::erase_if(troubles_, [&](auto& x) {
    return x.second.until <= now && now - x.second.since > errand_absence;
  });
}

pull_errands::behavior_type pull_errands::make_behavior() {
  delayed_send(this, errand_tick_period, atom::tick::value);
  return {
      [this](const pull_errand& x) { return on_errand(x); },
      [this](const link_question& x) { on_question(x); },
      [this](remote_answer& x) { asker_.answer(x); },
      [this](const errand_step& x) { on_step(x); },
      [this](atom::tick) {
        answer_late(config_.now());
        on_tick();
        delayed_send(this, errand_tick_period, atom::tick::value);
      },
  };
}

} // namespace shoal
