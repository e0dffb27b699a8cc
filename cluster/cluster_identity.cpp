// SPDX-License-Identifier: Apache-2.0
#include "cluster/cluster_identity.hpp"

#include <nlohmann/json.hpp>

namespace shoal::cluster {

using namespace coordination;
using namespace std::chrono_literals;

cluster_identity::cluster_identity(store& store, const key_space& keys, std::string wanted,
                                   std::string fresh, const std::function<mono_time()>& now)
    : store_{store}, key_{keys.identity()}, wanted_{std::move(wanted)}, fresh_{std::move(fresh)},
      now_{now} {}

void cluster_identity::advance() {
  auto now = now_();
  if (known_ || asking_ || now < next_)
    return;
  asking_ = true;
  next_ = now + 500ms;
  auto value = nlohmann::json{{"id", wanted_.empty() ? fresh_ : wanted_}, {"layout", layout}};
  store_.commit({{{key_, condition::what::mod_revision, 0}}, {{key_, value.dump()}}, {key_}},
                now + 2000ms,
                [this, alive = std::weak_ptr(alive_)](const result<transaction_result>& answer) {
                  if (alive.expired())
                    return;
                  asking_ = false;
                  on_answer(answer);
                });
}

void cluster_identity::on_answer(const result<transaction_result>& answer) {
  if (!answer)
    return; // Asked again, which shows whether it happened.
  if (answer->succeeded)
    known_ = wanted_.empty() ? fresh_ : wanted_;
  else if (!answer->read.empty() && answer->read[0])
    known_ = read(answer->read[0]->value);
}

result<std::string> cluster_identity::read(const std::string& value) const {
  auto object = nlohmann::json::parse(value, nullptr, false);
  auto is_sound = object.is_object() && object.contains("id") && object["id"].is_string()
                  && object.contains("layout") && object["layout"].is_number_unsigned();
  if (!is_sound)
    return fail(ec::corrupt, "the value of " + key_ + " is no identity of a cluster");
  if (auto theirs = object["layout"].get<uint64_t>(); theirs != layout)
    return fail(ec::unsupported, "the cluster's keys have layout " + std::to_string(theirs)
                                     + ", this program knows " + std::to_string(layout));
  auto id = object["id"].get<std::string>();
  if (!wanted_.empty() && id != wanted_)
    return fail(ec::conflict, "etcd has cluster " + id + ", and not " + wanted_);
  return id;
}

} // namespace shoal::cluster
