// SPDX-License-Identifier: Apache-2.0
#include "cmd/get/seed_session.hpp"

#include "cmd/get/session_settings.hpp"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/torrent_status.hpp>

#include <algorithm>

namespace shoal::get {

struct seed_session::impl {
  explicit impl(const session_options& options)
      : session(lt::session_params(settings_of(options))) {
    session.set_peer_class_filter(limits_for_all());
  }

  lt::session session;
  std::vector<std::pair<std::string, lt::torrent_handle>> torrents;
};

seed_session::seed_session(const session_options& options)
    : impl_(std::make_unique<impl>(options)) {}

seed_session::~seed_session() = default;

result<void> seed_session::add(const known_torrent& torrent, const swarm_links& links,
                               const std::vector<file_place>& places, const std::string& folder,
                               bool is_verified) {
  lt::add_torrent_params params;
  params.ti = std::make_shared<lt::torrent_info>(*torrent.info);
  params.save_path = folder;
  // Not auto-managed: libtorrent would let only a few of them be active.
  params.flags = lt::torrent_flags::update_subscribe | lt::torrent_flags::upload_mode;
  if (is_verified)
    params.flags |= lt::torrent_flags::seed_mode;
  // Web seeds are for those who fetch.
  put_links(params, *torrent.info, links);
  params.url_seeds.clear();
  const auto count = static_cast<size_t>(torrent.info->num_files());
  params.file_priorities.assign(count, is_verified ? lt::default_priority : lt::dont_download);
  for (size_t i = 0; i < std::min(places.size(), count); ++i) {
    if (!places[i].path.empty())
      params.renamed_files[lt::file_index_t{static_cast<int>(i)}] = places[i].path;
    if (places[i].wanted)
      params.file_priorities[i] = lt::default_priority;
  }
  lt::error_code err;
  auto handle = impl_->session.add_torrent(std::move(params), err);
  if (err)
    return fail(ec::invalid_argument, "cannot seed " + torrent.name + ": " + err.message());
  impl_->torrents.emplace_back(torrent.key, std::move(handle));
  return {};
}

std::vector<std::string> seed_session::wait(std::chrono::milliseconds at_most) {
  impl_->session.wait_for_alert(at_most);
  std::vector<lt::alert*> alerts;
  impl_->session.pop_alerts(&alerts);
  std::vector<std::string> trouble;
  for (auto* alert : alerts)
    if (lt::alert_cast<lt::file_error_alert>(alert)
        || lt::alert_cast<lt::torrent_error_alert>(alert)
        || lt::alert_cast<lt::tracker_error_alert>(alert)
        || lt::alert_cast<lt::listen_failed_alert>(alert))
      trouble.push_back(alert->message());
  return trouble;
}

seed_session::sight seed_session::look() {
  sight out;
  using state = lt::torrent_status;
  for (auto& [key, handle] : impl_->torrents) {
    const auto status = handle.status();
    torrent_sight one;
    one.key = key;
    one.have_bytes = static_cast<uint64_t>(status.total_done);
    one.sent_bytes = static_cast<uint64_t>(status.total_payload_upload);
    one.is_checking
        = status.state == state::checking_files || status.state == state::checking_resume_data;
    one.peers = status.num_peers;
    out.sent_bytes += one.sent_bytes;
    out.sent_bytes_per_second += static_cast<uint64_t>(std::max(status.upload_payload_rate, 0));
    out.peers += one.peers;
    out.torrents.push_back(std::move(one));
  }
  return out;
}

uint16_t seed_session::listen_port() const {
  return impl_->session.listen_port();
}

void seed_session::stop() {
  for (auto& [key, handle] : impl_->torrents)
    impl_->session.remove_torrent(handle);
  impl_.reset(); // Waits for the trackers' answers.
}

} // namespace shoal::get
