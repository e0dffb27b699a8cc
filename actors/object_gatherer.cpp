// SPDX-License-Identifier: Apache-2.0
#include "actors/object_gatherer.hpp"

#include "actors/error.hpp"
#include "core/log.hpp"

namespace shoal {

namespace {

/// Of a question to all nodes.
constexpr std::chrono::seconds finding_patience{60};

} // namespace

object_gatherer::object_gatherer(caf::actor_config& cfg, object_gatherer_config config)
    : object_gatherer_actor::base(cfg), config_{std::move(config)},
      mail_{std::make_shared<late_mail>(caf::actor_cast<caf::actor>(this))},
      brought_{config_.metrics->add_counter(
          "shoal_mirror_objects_brought_total",
          "Objects that came from other nodes so that a commit of an origin is here as a whole",
          "")} {}

void object_gatherer::on_exit() {
  mail_->close();
  config_.finder = nullptr;
}

void object_gatherer::seek(const std::shared_ptr<search>& s) {
  if (s->left.empty()) {
    s->answer.deliver(objects_sought{});
    return;
  }
  find_object question{s->left.back()};
  s->left.pop_back();
  request(config_.finder, finding_patience, question)
      .then([=, this](const object_places&) { seek(s); },
            [=](const caf::error& why) { s->answer.deliver(why); });
}

/// Gently, unless somebody waits for it.
void object_gatherer::bring(gather_step job, object_places from) {
  object_pull what{job.object, std::move(from.places), job.urgent};
  auto arrived = [mail = mail_, claims = config_.claims, disk = config_.disk,
                  job = std::move(job)](const result<void>& how) mutable {
    if (!how) {
      job.failed = how.error();
      return mail->send(std::move(job));
    }
    disk->post([mail, claims, job = std::move(job)]() mutable {
      if (auto held = claims->take({job.object}))
        job.hold = std::make_shared<object_claims::hold>(std::move(*held));
      else
        job.failed = held.error();
      mail->send(std::move(job));
    });
  };
  config_.pulls->pull(std::move(what), std::move(arrived));
}

void object_gatherer::on_step(gather_step& x) {
  if (x.failed) {
    log::warn("mirrors", "cannot bring an object from other nodes object={} error=\"{}\"",
              x.object.brief(), to_string(*x.failed));
    x.answer.deliver(to_caf({ec::unavailable, x.failed->detail}));
    return;
  }
  if (!x.urgent)
    brought_.add();
  x.answer.deliver(gathered_object{std::move(x.hold)});
}

object_gatherer::behavior_type object_gatherer::make_behavior() {
  return {
      [this](seek_objects& x) {
        auto s = std::make_shared<search>();
        s->left = std::move(x.objects);
        s->answer = make_response_promise<caf::typed_response_promise<objects_sought>>();
        seek(s);
        return s->answer;
      },
      [this](const gather_object& x) {
        auto answer = make_response_promise<caf::typed_response_promise<gathered_object>>();
        gather_step job{x.object, answer, nullptr, std::nullopt, x.urgent};
        request(config_.finder, finding_patience, find_object{x.object})
            .then([=, this](object_places& from) { bring(job, std::move(from)); },
                  [=](const caf::error& why) mutable { job.answer.deliver(why); });
        return answer;
      },
      [this](gather_step& x) { on_step(x); },
  };
}

} // namespace shoal
