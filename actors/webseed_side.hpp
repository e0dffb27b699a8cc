// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/defaults.hpp"
#include "core/limits.hpp"
#include "core/metrics.hpp"
#include "origin/origin_client.hpp"
#include "origin/origin_health.hpp"
#include "persistence/object_store.hpp"
#include "persistence/origin_book.hpp"
#include "persistence/work_pool.hpp"

#include <atomic>

namespace shoal {

/// Which files of origins may be pulled.
enum class mirror_policy : uint8_t {
  on_demand, ///< All that somebody asks for.
  listed,    ///< Those of `webseed_config::models`.
  off,       ///< None.
};

/// @returns "on-demand", "listed" or "off".
std::string_view name(mirror_policy policy);
std::optional<mirror_policy> parse_mirror_policy(std::string_view text);

struct webseed_config {
  std::vector<std::string>
      base_urls; ///< Without slashes at their ends, in order; none: local only.
  mirror_policy mirror = mirror_policy::on_demand;
  std::vector<std::string> models; ///< "ns/name", "ns/*"; for `mirror_policy::listed`.
  bool mirror_restricted = false;  ///< Register also what an origin gives to a token alone.
  std::chrono::seconds fresh
      = defaults::webseed_fresh; ///< What an origin said is believed so long.
  /// Files of up to so many bytes that can only be checked as a whole are given to nobody before.
  uint64_t check_first_bytes = defaults::webseed_check_first_bytes;
  origin::client_config client;
  std::vector<std::string> allow_private; ///< What `client.guard` was made of.

  bool asks_origins() const { return mirror != mirror_policy::off && !base_urls.empty(); }

  /// Whether a model may be pulled.
  bool covers(std::string_view id) const;
};

/// What the web seed's actors share, on any thread: the client of the origins, threads for the
/// disk, the book, what is counted. Outlives the actors.
class webseed_side {
public:
  /// @param store outlives this. @errors as origin_client::start and origin_book::open.
  static result<std::unique_ptr<webseed_side>> start(webseed_config config,
                                                     const std::filesystem::path& folder,
                                                     object_store& store,
                                                     metrics::registry& metrics);

  const webseed_config& config() const { return config_; }
  object_store& store() { return store_; }
  origin_book& book() { return *book_; }
  origin::origin_client& client() { return *client_; }

  /// Of `webseed_config::base_urls`.
  origin::origin_health& health() { return health_; }
  work_pool& disk() { return disk_; }

  /// One thread for what reads whole revisions.
  work_pool& hashing() { return hashing_; }

  /// Where files lie while they come.
  const std::filesystem::path& incoming() const { return incoming_; }

  std::atomic<size_t> pulls{0};   ///< Under way.
  std::atomic<size_t> readers{0}; ///< Of them.
  std::atomic<size_t> waiting{0}; ///< Of those: who waits for bytes.
  metrics::counter& pulled;       ///< Files.
  metrics::counter& failed;       ///< Pulls that ended otherwise.
  metrics::counter& served_bytes; ///< Sent to clients while they came.
  metrics::counter& wrong;        ///< Pulls whose bytes were not those that they should be.
  metrics::counter& by_pieces;    ///< Pulls of which each piece is checked as it comes.
  metrics::counter& lookups;      ///< Questions to origins what they have.
  metrics::counter& stale;        ///< Answers from the book, as the origin gave none.

private:
  webseed_side(webseed_config config, const std::filesystem::path& folder, object_store& store,
               metrics::registry& metrics);

  void add_readers(metrics::registry& metrics);
  void clean_up() const;

  webseed_config config_;
  origin::origin_health health_;
  std::filesystem::path incoming_;
  object_store& store_;
  std::unique_ptr<origin_book> book_;
  work_pool disk_;
  work_pool hashing_;
  std::unique_ptr<origin::origin_client> client_; // First to go: its thread uses the rest.
};

} // namespace shoal
