// SPDX-License-Identifier: Apache-2.0
#include "actors/web_switchboard.hpp"

#include "actors/link_kinds.hpp"

#include <utility>

namespace shoal {

namespace {

size_t bytes_of(const web_parcel& x) {
  if (auto* heard = std::get_if<web_heard>(&x))
    return sizeof(x) + heard->body.size();
  auto* asked = std::get_if<web_asked>(&x);
  if (asked == nullptr)
    return 0; // Short, and nobody would say it again.
  auto bytes = sizeof(x) + asked->request.user.size();
  for (auto& offer : asked->request.offers)
    bytes += sizeof(offer) + offer.sdp.size();
  return bytes;
}

} // namespace

void web_switchboard::tell(cluster::node_number to, const link_web& what) {
  auto body = encode(what);
  if (!body) {
    counted.dropped.add();
    return;
  }
  std::shared_lock guard{sending_};
  if (between_)
    between_->tell(routes_.name_of(to), link_kind::web, std::move(*body));
}

bool web_switchboard::put(web_parcel x) {
  auto bytes = bytes_of(x);
  {
    std::lock_guard guard{mutex_};
    if (closed_)
      return true;
    if (bytes_ + bytes > limits::relay_web_inbox_bytes_max) {
      counted.dropped.add();
      return false;
    }
    bytes_ += bytes;
    parcels_.push_back(std::move(x));
    if (parcels_.size() > 1)
      return true;
  }
  filled_.notify_one();
  return true;
}

std::vector<web_parcel> web_switchboard::take() {
  std::lock_guard guard{mutex_};
  bytes_ = 0;
  return std::exchange(parcels_, {});
}

bool web_switchboard::wait(std::chrono::milliseconds patience) {
  std::unique_lock guard{mutex_};
  filled_.wait_for(guard, patience, [this] { return closed_ || !parcels_.empty(); });
  return !closed_;
}

void web_switchboard::close() {
  {
    std::unique_lock guard{sending_};
    between_ = nullptr;
  }
  std::vector<web_parcel> unread;
  {
    std::lock_guard guard{mutex_};
    closed_ = true;
    bytes_ = 0;
    unread.swap(parcels_);
  }
  filled_.notify_all();
}

} // namespace shoal
