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

void object_gatherer::look(const job_ptr& job) {
  if (job->at == job->what.objects.size())
    return end(*job, std::nullopt);
  auto object = job->what.objects[job->at];
  request(config_.finder, finding_patience, find_object{object})
      .then(
          [=, this](object_places& x) {
            if (!job->what.only_look)
              return bring(job, std::move(x));
            ++job->at;
            look(job);
          },
          [=, this](const caf::error& why) { end(*job, from_caf(why)); });
}

/// Gently: nobody waits for it.
void object_gatherer::bring(const job_ptr& job, object_places from) {
  auto object = job->what.objects[job->at];
  auto arrived = [mail = mail_, claims = config_.claims, disk = config_.disk, job,
                  object](const result<void>& how) {
    if (!how)
      return mail->send(gather_step{job, how.error()});
    disk->post([=] {
      gather_step x{job, std::nullopt};
      if (auto held = claims->take({object}))
        job->hold->push_back(std::move(*held));
      else
        x.failed = held.error();
      mail->send(std::move(x));
    });
  };
  config_.pulls->pull({object, std::move(from.places), false}, std::move(arrived));
}

void object_gatherer::on_step(gather_step& x) {
  if (x.failed) {
    log::warn("mirrors", "cannot bring an object from other nodes object={} error=\"{}\"",
              x.job->what.objects[x.job->at].hex().substr(0, 8), to_string(*x.failed));
    return end(*x.job, error{ec::unavailable, x.failed->detail});
  }
  brought_.add();
  ++x.job->at;
  look(x.job);
}

void object_gatherer::end(gather_job& job, std::optional<error> failed) {
  job.answer.deliver(gathered_objects{std::move(failed), std::move(job.hold)});
}

object_gatherer::behavior_type object_gatherer::make_behavior() {
  return {
      [this](gather_objects& x) {
        auto job = std::make_shared<gather_job>();
        job->what = std::move(x);
        job->answer = make_response_promise<caf::typed_response_promise<gathered_objects>>();
        auto answer = job->answer;
        look(job);
        return answer;
      },
      [this](gather_step& x) { on_step(x); },
  };
}

} // namespace shoal
