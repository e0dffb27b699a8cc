// SPDX-License-Identifier: Apache-2.0
#include "actors/snapshotter.hpp"

#include "actors/error.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "persistence/swarm_snapshot.hpp"

#include <caf/sec.hpp>

namespace shoal {

namespace {

/// Asks the swarms of one slot together and writes their answers as they come.
result<uint64_t> write_slot(caf::scoped_actor& self, const std::vector<swarm_actor>& swarms,
                            swarm_snapshot_writer& out) {
  uint64_t written = 0;
  std::optional<error> failure;
  using answer
      = decltype(self->request(swarms.front(), defaults::request_timeout, atom::save::value));
  std::vector<answer> answers;
  answers.reserve(swarms.size());
  for (auto& swarm : swarms)
    answers.push_back(self->request(swarm, defaults::request_timeout, atom::save::value));
  for (auto& next : answers)
    next.receive(
        [&](restore_swarm& image) {
          if (image.body.empty() || failure)
            return;
          if (auto added = out.add({image.swarm, image.downloaded, std::move(image.body)}); added)
            ++written;
          else
            failure = added.error();
        },
        [](const caf::error& reason) {
          // One that ended meanwhile had nobody left.
          if (reason == caf::sec::request_timeout)
            log::warn("snapshotter", "leaves out a swarm that does not answer");
        });
  if (failure)
    return tl::unexpected{*failure};
  return written;
}

} // namespace

result<uint64_t> write_snapshot(caf::actor_system& sys, const snapshot_config& config, bool clean) {
  auto out = swarm_snapshot_writer::open(config.path);
  if (!out)
    return tl::unexpected{out.error()};
  if (auto begun = out->begin({unix_now(), clean}); !begun)
    return tl::unexpected{begun.error()};
  caf::scoped_actor self{sys};
  uint64_t total = 0;
  for (size_t slot = 0; slot < slot_count; ++slot) {
    auto written = write_slot(self, config.directory->swarms_in(slot), *out);
    if (!written)
      return written;
    total += *written;
  }
  if (auto finished = out->finish(); !finished)
    return tl::unexpected{finished.error()};
  return total;
}

uint64_t load_snapshot(const snapshot_config& config, bool stopped_clean) {
  auto in = swarm_snapshot_reader::open(config.path);
  if (!in) {
    if (in.error().code != ec::not_found)
      log::warn("snapshotter", "cannot use the snapshot error=\"{}\"", to_string(in.error()));
    return 0;
  }
  auto clean = stopped_clean && in->header().clean;
  auto report = in->for_each([&](swarm_image&& image) {
    caf::anon_send(config.shards[slot_of(image.hash)],
                   restore_swarm{image.hash, image.downloaded, clean, std::move(image.body)});
  });
  if (report.damage)
    log::warn("snapshotter", "loses the rest of a damaged snapshot error=\"{}\"",
              to_string(*report.damage));
  return report.swarms;
}

snapshotter_actor::behavior_type snapshotter(snapshotter_actor::pointer self,
                                             snapshot_config config) {
  self->delayed_send(self, config.period, atom::tick::value);
  return {
      [self, config](atom::tick) {
        if (auto written = write_snapshot(self->home_system(), config, false); !written)
          log::error("snapshotter", "cannot write error=\"{}\"", to_string(written.error()));
        self->delayed_send(self, config.period, atom::tick::value);
      },
  };
}

} // namespace shoal
