// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/get/torrent_session.hpp"

namespace shoal::get {

/// libtorrent with many torrents that are here already and given to others. Nothing is fetched, and
/// no file is written to. Not safe for two threads.
class seed_session {
public:
  explicit seed_session(const session_options& options);
  ~seed_session();

  /// What there is to say of a torrent.
  struct torrent_sight {
    std::string key; ///< As `known_torrent::key`.
    uint64_t have_bytes = 0;
    uint64_t sent_bytes = 0; ///< In this session.
    bool is_checking = false;
    int peers = 0;
  };

  struct sight {
    std::vector<torrent_sight> torrents; ///< In the order of `add`.
    uint64_t sent_bytes = 0;
    uint64_t sent_bytes_per_second = 0;
    int peers = 0;
  };

  /// Begins to give a torrent.
  /// @param places by libtorrent's index; what is not wanted is not here, and is left alone.
  /// @param is_verified all files are what they should be: pieces are hashed when they are first
  /// asked for. Else all that is here is hashed first.
  result<void> add(const known_torrent& torrent, const swarm_links& links,
                   const std::vector<file_place>& places, const std::string& folder,
                   bool is_verified);

  /// Waits until something has happened, at most so long.
  /// @returns what others, or the disk, did wrong.
  std::vector<std::string> wait(std::chrono::milliseconds at_most);

  sight look();

  /// The port that peers can connect to, 0 if none.
  uint16_t listen_port() const;

  /// Tells the trackers, and ends; at most two seconds. The last call.
  void stop();

private:
  struct impl;

  std::unique_ptr<impl> impl_;
};

} // namespace shoal::get
