// SPDX-License-Identifier: Apache-2.0
#include "cluster/registry_check.hpp"

namespace shoal::cluster {

namespace {

constexpr uint32_t page_keys = 500;
constexpr std::chrono::seconds page_timeout{5};
constexpr int attempts_max = 10;
constexpr std::chrono::milliseconds pause{500}; // Longer with each attempt.

} // namespace

void registry_check::start(uint64_t at_revision, callback then) {
  revision_ = at_revision;
  next_ = prefix_;
  records_ = 0;
  attempts_ = 0;
  is_waiting_ = false;
  then_ = std::move(then);
  read();
}

void registry_check::advance() {
  if (is_waiting_ && now_() >= next_try_) {
    is_waiting_ = false;
    read();
  }
}

void registry_check::read() {
  etcd_.read({next_, coordination::prefix_end(prefix_), page_keys, revision_},
             now_() + page_timeout,
             [this, alive = std::weak_ptr(alive_)](result<coordination::range_page> page) {
               if (!alive.expired())
                 on_page(std::move(page));
             });
}

result<void> registry_check::compare(const coordination::key_value& kv) {
  auto below = std::string_view(kv.key).substr(prefix_.size());
  auto at = parse_data_key(below);
  if (!at)
    return {};
  auto held = local_.get(at->where, at->key);
  if (!held)
    return tl::unexpected(held.error());
  ++records_;
  if (*held && (*held)->value == kv.value)
    return {};
  return fail(ec::corrupt, "a record of table " + std::string(name(at->where)) + " is "
                               + (*held ? "not the same" : "only in etcd"));
}

void registry_check::on_page(result<coordination::range_page> page) {
  bool is_final = !page && (page.error().code == ec::not_found || is_denied(page.error()));
  if (!page && !is_final && ++attempts_ < attempts_max) {
    is_waiting_ = true;
    next_try_ = now_() + pause * attempts_;
    return;
  }
  if (!page) {
    std::exchange(then_, nullptr)(tl::unexpected(page.error()));
    return;
  }
  attempts_ = 0;
  revision_ = page->revision;
  for (const auto& kv : page->keys)
    if (auto same = compare(kv); !same) {
      std::exchange(then_, nullptr)(tl::unexpected(same.error()));
      return;
    }
  if (page->more && !page->keys.empty()) {
    next_ = page->keys.back().key + '\0';
    read();
    return;
  }
  std::exchange(then_, nullptr)(outcome());
}

result<uint64_t> registry_check::outcome() const {
  uint64_t local = 0;
  for (auto where : shared_tables) {
    auto count = local_.count(where);
    if (!count)
      return tl::unexpected(count.error());
    local += *count;
  }
  if (local != records_)
    return fail(ec::corrupt, "there are " + std::to_string(local) + " records here and "
                                 + std::to_string(records_) + " in etcd");
  return records_;
}

} // namespace shoal::cluster
