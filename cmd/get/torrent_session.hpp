// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace libtorrent {
class torrent_info;
}

namespace shoal::get {

/// A file of a torrent, as libtorrent counts them. Pad files are left out of what people see.
struct listed_file {
  int index = 0;
  std::string path; ///< Below the torrent's name, '/' between segments; safe to open.
  uint64_t size_bytes = 0;
};

/// A torrent whose files are known.
struct known_torrent {
  std::shared_ptr<const libtorrent::torrent_info> info;
  std::string name; ///< A safe path segment.
  std::string key;  ///< Hexadecimal info-hash, of the v2 part if it has one.
  std::vector<listed_file> files;
  uint64_t piece_length_bytes = 0;
};

/// Where to find peers and bytes, beyond what a torrent says itself.
struct swarm_links {
  std::vector<std::string> trackers;                   ///< Announce URLs, each a tier of its own.
  std::vector<std::string> web_seeds;                  ///< As `web_seed_urls` writes them.
  std::vector<std::pair<std::string, uint16_t>> peers; ///< Addresses and ports.
};

/// @param bytes of a .torrent file.
/// @errors ec::invalid_argument, ec::too_large; ec::unsupported if it holds symbolic links.
result<known_torrent> read_torrent(std::string_view bytes);

/// What a magnet link says of them; nothing if it is none.
swarm_links links_of_magnet(const std::string& link);

/// Bytes of a file that are there and verified, `first` to `end`, which is not included.
struct held_range {
  int file = 0; ///< libtorrent's index.
  uint64_t first = 0;
  uint64_t end = 0;
};

/// @returns what a download that left `resume` has, in order.
std::vector<held_range> held_ranges(const known_torrent& torrent, const std::string& resume);

/// How to take part in swarms.
struct session_options {
  std::string listen = "0.0.0.0:0,[::]:0"; ///< "ADDRESS:PORT,..."; port 0: any.
  bool dht = true;
  bool local_discovery = true;        ///< Multicast in the local network (BEP 14) and port mapping.
  std::vector<std::string> dht_nodes; ///< "HOST:PORT" to enter the DHT by; empty: the usual ones.
  int download_bytes_per_second = 0;  ///< 0: as fast as it can.
  int upload_bytes_per_second = 0;
};

/// Where a file of the torrent is, or is to be, and whether it is wanted.
struct file_place {
  std::string path; ///< Absolute.
  bool wanted = false;
};

/// What there is to say of a download.
struct session_sight {
  std::vector<uint64_t> file_bytes;  ///< By libtorrent's index; whole pieces, which are verified.
  bool checking = false;             ///< Existing files are being hashed.
  double checked = 0;                ///< How far that is, 0..1.
  uint64_t received_bytes = 0;       ///< Of payload, in this session.
  uint64_t from_web_seeds_bytes = 0; ///< The same, from web seeds.
  uint64_t sent_bytes = 0;
  uint64_t wasted_bytes = 0; ///< Came, and was wrong or known.
  uint64_t bytes_per_second = 0;
  int peers = 0;            ///< Connections, web seeds among them.
  int bittorrent_peers = 0; ///< Connections without these.
  int seeds = 0;            ///< Those of them that have everything.
};

/// What has happened since it was asked last.
struct session_events {
  std::vector<int> moved;                             ///< See `move_file`.
  std::vector<std::pair<int, std::string>> not_moved; ///< With the reason.
  std::optional<std::string> resume;                  ///< See `ask_resume`.
  bool resume_failed = false;                         ///< There was nothing new to save.
  bool flushed = false;                               ///< See `flush`.
  std::optional<known_torrent> metadata;              ///< Of a magnet link.
  std::string disk_trouble;                           ///< The torrent has stopped for that.
  std::string trouble; ///< The last thing that somebody else did wrong, e.g. a tracker.
};

/// libtorrent with a single torrent. All sources at once: peers of trackers, DHT and PEX, and web
/// seeds. Not safe for two threads.
class torrent_session {
public:
  explicit torrent_session(const session_options& options);
  ~torrent_session();

  /// Begins, or goes on.
  /// @param places by libtorrent's index; one that is not wanted is never written to.
  /// @param resume what `session_events::resume` was, or empty: then existing files are hashed.
  result<void> add(const known_torrent& torrent, const swarm_links& links,
                   const std::vector<file_place>& places, const std::string& folder,
                   const std::string& resume);

  /// Looks for the metadata of a magnet link, and for nothing else.
  result<void> add_magnet(const std::string& link, const std::string& folder);

  /// Waits until something has happened, at most so long.
  session_events wait(std::chrono::milliseconds at_most);

  session_sight look();

  /// Moves a file, also while it is served. What is at the new place is replaced.
  void move_file(int index, const std::string& to);

  /// Has everything that came written into the files.
  void flush();

  void ask_resume();

  /// Hashes all files again, and fetches what is wrong.
  void recheck();

  /// The port that peers can connect to, 0 if none.
  uint16_t listen_port() const;

  /// Tells the trackers, and ends; at most two seconds. The last call.
  void stop();

private:
  struct impl;

  std::unique_ptr<impl> impl_;
};

} // namespace shoal::get
