// SPDX-License-Identifier: Apache-2.0
#include "cmd/get/torrent_session.hpp"

#include "cmd/get/session_settings.hpp"
#include "cmd/get/utp_rule.hpp"
#include "core/hex.hpp"
#include "core/limits.hpp"
#include "protocol/metainfo.hpp"
#include "protocol/model_id.hpp"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/magnet_uri.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/read_resume_data.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/write_resume_data.hpp>

#include <algorithm>
#include <map>

namespace shoal::get {

namespace {

constexpr auto reach_period = std::chrono::seconds(1);

std::string hash_of(const lt::info_hash_t& hashes) {
  auto hex = [](auto& hash) {
    return to_hex(
        {reinterpret_cast<const uint8_t*>(hash.data()), static_cast<size_t>(hash.size())});
  };
  return hashes.has_v2() ? hex(hashes.v2) : hex(hashes.v1);
}

result<known_torrent> list(std::shared_ptr<const lt::torrent_info> info) {
  known_torrent out;
  auto& files = info->files();
  out.name = files.name();
  if (out.name.find('/') != std::string::npos || !is_safe_path(out.name))
    return fail(ec::invalid_argument, "not a torrent: bad name");
  out.key = hash_of(info->info_hashes());
  out.piece_length_bytes = static_cast<uint64_t>(info->piece_length());
  const auto folder = out.name + "/";
  for (auto i : files.file_range()) {
    if (files.file_flags(i) & lt::file_storage::flag_symlink)
      return fail(ec::unsupported, "the torrent holds symbolic links");
    if (files.pad_file_at(i))
      continue;
    auto path = files.file_path(i);
    if (path.starts_with(folder))
      path.erase(0, folder.size());
    if (!is_safe_path(path))
      return fail(ec::invalid_argument, "not a torrent: bad path");
    out.files.push_back(
        {static_cast<int>(i), std::move(path), static_cast<uint64_t>(files.file_size(i))});
  }
  out.info = std::move(info);
  return out;
}

} // namespace

result<known_torrent> read_torrent(std::string_view bytes) try {
  if (auto sound = parse_metainfo(bytes); !sound) // Bounded, and stricter than libtorrent.
    return tl::make_unexpected(sound.error());
  lt::load_torrent_limits limits;
  limits.max_buffer_size = static_cast<int>(limits::metainfo_bytes_max);
  limits.max_decode_tokens = limits::metainfo_tokens_max;
  auto info = std::make_shared<lt::torrent_info>(
      lt::span<const char>(bytes.data(), static_cast<std::ptrdiff_t>(bytes.size())), limits,
      lt::from_span);
  return list(std::move(info));
} catch (const std::exception& trouble) {
  return fail(ec::invalid_argument, std::string("not a .torrent file: ") + trouble.what());
}

namespace {

/// @returns nothing if it is not of that torrent.
std::optional<lt::add_torrent_params> read_resume(const known_torrent& torrent,
                                                  const std::string& resume) {
  if (resume.empty())
    return std::nullopt;
  lt::error_code err;
  auto read = lt::read_resume_data(
      lt::span<const char>(resume.data(), static_cast<std::ptrdiff_t>(resume.size())), err);
  if (err || read.info_hashes != torrent.info->info_hashes())
    return std::nullopt;
  return read;
}

} // namespace

std::vector<held_range> held_ranges(const known_torrent& torrent, const std::string& resume) {
  std::vector<held_range> held;
  const auto read = read_resume(torrent, resume);
  if (!read)
    return held;
  auto& files = torrent.info->files();
  for (auto piece : read->have_pieces.range()) {
    if (piece >= files.end_piece() || !read->have_pieces[piece])
      continue;
    for (auto& slice : files.map_block(piece, 0, files.piece_size(piece))) {
      const auto first = static_cast<uint64_t>(slice.offset);
      const auto end = first + static_cast<uint64_t>(slice.size);
      const int file = static_cast<int>(slice.file_index);
      if (!held.empty() && held.back().file == file && held.back().end == first)
        held.back().end = end;
      else
        held.push_back({file, first, end});
    }
  }
  return held;
}

swarm_links links_of_magnet(const std::string& link) {
  lt::error_code err;
  const auto params = lt::parse_magnet_uri(link, err);
  if (err)
    return {};
  swarm_links links{params.trackers, params.url_seeds, {}};
  for (auto& peer : params.peers)
    links.peers.emplace_back(peer.address().to_string(), peer.port());
  return links;
}

struct torrent_session::impl {
  explicit impl(const session_options& options)
      : session(lt::session_params(settings_to_fetch(options))) {
    session.set_peer_class_filter(limits_for_all());
  }

  void take(lt::alert* alert, session_events& events);
  uint64_t count_web_seeds(uint64_t received, int& bittorrent_peers);
  int count_unreached() const;
  void use_utp_if_needed();

  lt::session session;
  lt::torrent_handle torrent;
  utp_rule utp;
  bool uses_utp = false;
  utp_rule::clock::time_point reach_looked{};
  bool saw_web_seed = false;
  std::map<lt::tcp::endpoint, std::pair<uint64_t, uint64_t>>
      from_peers; ///< In earlier connections, and in this one.
};

torrent_session::torrent_session(const session_options& options)
    : impl_(std::make_unique<impl>(options)) {}

torrent_session::~torrent_session() = default;

namespace {

/// libtorrent writes to mapped memory, where a full disk shows as a bad address.
template <class Alert>
std::string trouble_of(const Alert& alert) {
  const bool is_mapped = alert.error == boost::system::errc::bad_address;
  return (is_mapped ? "the disk is full, or fails: " : "") + alert.message();
}

} // namespace

result<void> torrent_session::add(const known_torrent& torrent, const swarm_links& links,
                                  const std::vector<file_place>& places, const std::string& folder,
                                  const std::string& resume) {
  auto params = read_resume(torrent, resume).value_or(lt::add_torrent_params{});
  params.ti = std::make_shared<lt::torrent_info>(*torrent.info);
  params.save_path = folder;
  params.flags = lt::torrent_flags::update_subscribe | lt::torrent_flags::need_save_resume;
  put_links(params, *torrent.info, links);
  for (auto& [address, port] : links.peers)
    params.peers.emplace_back(lt::make_address(address), port);
  params.renamed_files.clear();
  params.piece_priorities.clear(); // They would go before those of the files.
  params.file_priorities.assign(static_cast<size_t>(torrent.info->num_files()), lt::dont_download);
  for (size_t i = 0; i < places.size(); ++i) {
    if (!places[i].path.empty())
      params.renamed_files[lt::file_index_t{static_cast<int>(i)}] = places[i].path;
    if (places[i].wanted)
      params.file_priorities[i] = lt::default_priority;
  }
  lt::error_code err;
  impl_->torrent = impl_->session.add_torrent(std::move(params), err);
  if (err)
    return fail(ec::invalid_argument, "cannot start the download: " + err.message());
  return {};
}

result<void> torrent_session::add_magnet(const std::string& link, const std::string& folder) {
  lt::error_code err;
  auto params = lt::parse_magnet_uri(link, err);
  if (err)
    return fail(ec::invalid_argument, "not a magnet link: " + err.message());
  params.save_path = folder;
  params.flags = lt::torrent_flags::default_dont_download;
  impl_->torrent = impl_->session.add_torrent(std::move(params), err);
  if (err)
    return fail(ec::invalid_argument, "cannot follow the magnet link: " + err.message());
  return {};
}

void torrent_session::impl::take(lt::alert* alert, session_events& events) {
  if (auto* moved = lt::alert_cast<lt::file_renamed_alert>(alert))
    events.moved.push_back(static_cast<int>(moved->index));
  else if (auto* stuck = lt::alert_cast<lt::file_rename_failed_alert>(alert))
    events.not_moved.emplace_back(static_cast<int>(stuck->index), stuck->error.message());
  else if (auto* saved = lt::alert_cast<lt::save_resume_data_alert>(alert)) {
    const auto bytes = lt::write_resume_data_buf(saved->params);
    events.resume = std::string(bytes.begin(), bytes.end());
  } else if (lt::alert_cast<lt::save_resume_data_failed_alert>(alert))
    events.resume_failed = true;
  else if (lt::alert_cast<lt::cache_flushed_alert>(alert))
    events.flushed = true;
  else if (lt::alert_cast<lt::metadata_received_alert>(alert)) {
    if (auto known = list(torrent.torrent_file()))
      events.metadata = std::move(*known);
    else
      events.disk_trouble = to_string(known.error());
  } else if (auto* broken = lt::alert_cast<lt::file_error_alert>(alert))
    events.disk_trouble = trouble_of(*broken);
  else if (auto* stopped = lt::alert_cast<lt::torrent_error_alert>(alert))
    events.disk_trouble = trouble_of(*stopped);
  else if (lt::alert_cast<lt::tracker_error_alert>(alert)
           || lt::alert_cast<lt::url_seed_alert>(alert)
           || lt::alert_cast<lt::hash_failed_alert>(alert)
           || lt::alert_cast<lt::listen_failed_alert>(alert))
    events.trouble = alert->message();
}

int torrent_session::impl::count_unreached() const {
  std::vector<lt::peer_info> peers;
  torrent.get_peer_info(peers);
  const auto reached = std::count_if(peers.begin(), peers.end(), [](auto& peer) {
    const auto is_on_the_way = peer.flags & (lt::peer_info::connecting | lt::peer_info::handshake);
    return peer.connection_type == lt::peer_info::standard_bittorrent && !is_on_the_way;
  });
  return torrent.status({}).list_peers - static_cast<int>(reached);
}

void torrent_session::impl::use_utp_if_needed() {
  const auto now = utp_rule::clock::now();
  if (uses_utp || !torrent.is_valid() || now - reach_looked < reach_period)
    return;
  reach_looked = now;
  uses_utp = utp.allows(now, count_unreached());
  if (!uses_utp)
    return;
  lt::settings_pack pack;
  pack.set_bool(lt::settings_pack::enable_outgoing_utp, true);
  session.apply_settings(std::move(pack));
}

session_events torrent_session::wait(std::chrono::milliseconds at_most) {
  session_events events;
  impl_->use_utp_if_needed();
  impl_->session.wait_for_alert(at_most);
  std::vector<lt::alert*> alerts;
  impl_->session.pop_alerts(&alerts);
  for (auto* alert : alerts)
    impl_->take(alert, events);
  return events;
}

/// Connections take their counts with them when they go, so what came from web seeds is what did
/// not come from the peers that were seen.
uint64_t torrent_session::impl::count_web_seeds(uint64_t received, int& bittorrent_peers) {
  std::vector<lt::peer_info> peers;
  torrent.get_peer_info(peers);
  for (auto& peer : peers) {
    if (peer.connection_type != lt::peer_info::standard_bittorrent) {
      saw_web_seed = true;
      continue;
    }
    ++bittorrent_peers;
    auto& [before, now] = from_peers[peer.ip];
    const auto counted = static_cast<uint64_t>(peer.total_download);
    if (counted < now)
      before += now;
    now = counted;
  }
  for (auto& [peer, counts] : from_peers)
    received -= std::min(received, counts.first + counts.second);
  return saw_web_seed ? received : 0;
}

session_sight torrent_session::look() {
  session_sight out;
  const auto status = impl_->torrent.status();
  std::vector<std::int64_t> bytes;
  impl_->torrent.file_progress(bytes, lt::torrent_handle::piece_granularity);
  out.file_bytes.assign(bytes.begin(), bytes.end());
  using state = lt::torrent_status;
  out.checking
      = status.state == state::checking_files || status.state == state::checking_resume_data;
  out.checked = static_cast<double>(status.progress);
  out.received_bytes = static_cast<uint64_t>(status.total_payload_download);
  out.from_web_seeds_bytes = impl_->count_web_seeds(out.received_bytes, out.bittorrent_peers);
  out.sent_bytes = static_cast<uint64_t>(status.total_payload_upload);
  out.wasted_bytes
      = static_cast<uint64_t>(status.total_failed_bytes + status.total_redundant_bytes);
  out.bytes_per_second = static_cast<uint64_t>(std::max(status.download_payload_rate, 0));
  out.peers = status.num_peers;
  out.seeds = status.num_seeds;
  return out;
}

void torrent_session::move_file(int index, const std::string& to) {
  impl_->torrent.rename_file(lt::file_index_t{index}, to);
}

void torrent_session::flush() {
  impl_->torrent.flush_cache();
}

void torrent_session::ask_resume() {
  impl_->torrent.save_resume_data(lt::torrent_handle::flush_disk_cache
                                  | lt::torrent_handle::save_info_dict);
}

void torrent_session::recheck() {
  impl_->torrent.force_recheck();
}

uint16_t torrent_session::listen_port() const {
  return impl_->session.listen_port();
}

void torrent_session::stop() {
  impl_->session.remove_torrent(impl_->torrent);
  impl_.reset(); // Waits for the trackers' answers.
}

} // namespace shoal::get
