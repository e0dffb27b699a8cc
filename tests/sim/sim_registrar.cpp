// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_registrar.hpp"

#include "actors/error.hpp"
#include "persistence/lmdb_store.hpp"
#include "tests/unit/support/temp_folder.hpp"

#include <caf/send.hpp>

namespace shoal::sim {

namespace {

/// Where the planner looks whether a hash is one of several of an entry. Here none is.
const lmdb_store& nothing_known() {
  static const test::temp_folder folder;
  static const auto store = [] {
    lmdb_config config;
    config.path = folder.path();
    return lmdb_store::open(config).value();
  }();
  return *store;
}

registry_entry entry_of(std::string_view hash, const std::string& value) {
  registry_entry made;
  made.hashes.v1 = info_hash::from_bytes(hash);
  made.name = value;
  return made;
}

} // namespace

info_hash sim_registrar::hash_of(size_t slot, uint16_t number) {
  info_hash made;
  made.bytes[0] = static_cast<uint8_t>(slot);
  made.bytes[1] = static_cast<uint8_t>(number >> 8);
  made.bytes[2] = static_cast<uint8_t>(number);
  return made;
}

info_hash sim_registrar::second_hash_of(size_t slot, uint16_t number, size_t other_slot) {
  auto made = hash_of(other_slot, number);
  made.bytes[3] = 1;
  made.bytes[4] = static_cast<uint8_t>(slot);
  return made;
}

std::string sim_registrar::key_of(std::string_view hash) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(hash[i]); };
  return std::to_string(byte(byte(3) == 1 ? 4 : 0)) + "/entry-"
         + std::to_string(byte(1) << 8 | byte(2));
}

// -- what stands for the shards -----------------------------------------------------------

class sim_registrar::shard : public registry_shard_actor::base {
public:
  shard(caf::actor_config& cfg, sim_node* node) : registry_shard_actor::base(cfg), node_{*node} {}

  behavior_type make_behavior() override {
    auto no = to_caf({ec::unsupported, {}});
    return {
        [this](const lookup_entry& x) { return look_up(x.hash); },
        [this](const seek_entry& x) { return look_up(x.hash); },
        [this](const register_entry& x) { return write(x.entry); },
        [no](const remove_entry&) -> caf::result<atom::clear> { return no; },
        [no](const search_query&) -> caf::result<search_result> { return no; },
        [no](const publish_revision&) -> caf::result<registry_entry> { return no; },
        [no](const remove_revision&) -> caf::result<atom::clear> { return no; },
        [no](blocked_hash&) -> caf::result<blocked_hash> { return no; },
        [no](const unblock_hash&) -> caf::result<atom::clear> { return no; },
        [](const completions_counted&) {},
        [](atom::flush x) { return x; },
        [this](atom::tick) { answer(); },
        [](const registry_step&) {},
        [](const counters_flushed&) {},
    };
  }

private:
  caf::result<registry_entry> look_up(const std::string& hash) {
    auto held = node_.copy().find(table::refs, key_of(hash));
    if (!held)
      return to_caf({ec::not_found, {}});
    return entry_of(hash, held->value);
  }

  using promise = caf::typed_response_promise<registry_entry>;

  promise write(const registry_entry& entry) {
    auto hash = entry.hashes.primary_key();
    auto slot = static_cast<unsigned char>(hash[0]);
    auto asked = make_response_promise<promise>();
    auto self = caf::actor_cast<registry_shard_actor>(this);
    // The commit store answers from outside of the actors.
    node_.put(slot, key_of(hash), [this, self, asked, hash](const result<std::string>& value) {
      auto made = value.map([&](const std::string& x) { return entry_of(hash, x); });
      answers_.emplace_back(asked, std::move(made));
      caf::anon_send(self, atom::tick::value);
    });
    return asked;
  }

  void answer() {
    for (auto& [asked, how] : std::exchange(answers_, {})) {
      if (how)
        asked.deliver(std::move(*how));
      else
        asked.deliver(to_caf(how.error()));
    }
  }

  std::vector<std::pair<promise, result<registry_entry>>> answers_;
  sim_node& node_;
};

// -- a process ----------------------------------------------------------------------------

sim_registrar::sim_registrar(tracker_world& world, sim_node& node, cluster::links& links,
                             const cluster::slot_routes& routes)
    : world_{world}, node_{node}, peers_{std::make_unique<registry_peers>()} {
  shard_ = world_.system.spawn<shard>(&node_);
  peers_->shards.fill(shard_);
  peers_->routes = &routes;
  peers_->links = &links;
  peers_->service = this;
  peers_->store = &nothing_known();
  peers_->now = [this] { return node_.local_now(); };
  peers_->broken = world_.broken;
  proxy_ = world_.system.spawn<registry_proxy>(size_t{0}, peers_.get());
  host_ = world_.system.spawn<registry_host>(peers_.get());
  for (auto kind : {link_kind::lookup, link_kind::copy_lookup, link_kind::register_entry})
    links.serve(kind, [to = host_](const cluster::link_message& x, const cluster::link_reply& r) {
      caf::anon_send(
          to, link_question{std::string{x.from}, x.kind, std::string{x.body}, x.deadline, r});
    });
}

sim_registrar::~sim_registrar() {
  caf::anon_send_exit(proxy_, caf::exit_reason::kill);
  caf::anon_send_exit(host_, caf::exit_reason::kill);
  caf::anon_send_exit(shard_, caf::exit_reason::kill);
  proxy_ = nullptr;
  host_ = nullptr;
  shard_ = nullptr;
  peers_->shards.fill(registry_shard_actor{});
  world_.drain();
}

/// Only the shards commit.
void sim_registrar::commit(commit_request, cluster::commit_store::callback then) {
  then(fail(ec::unsupported));
}

} // namespace shoal::sim
