// SPDX-License-Identifier: Apache-2.0
#include "http/limit_metrics.hpp"

#include "core/limits.hpp"

#include <array>
#include <utility>

namespace shoal::http {

namespace {

using named_limit = std::pair<std::string_view, double>;

/// tests/unit/http/limit_metrics.cpp compares this list with core/limits.hpp.
constexpr std::array all_limits{
    named_limit{"numwant_max", limits::numwant_max},
    named_limit{"scrape_hashes_max", limits::scrape_hashes_max},
    named_limit{"passkey_bytes_max", limits::passkey_bytes_max},
    named_limit{"user_id_bytes_max", limits::user_id_bytes_max},
    named_limit{"swarms_max", limits::swarms_max},
    named_limit{"paired_changes_max", limits::paired_changes_max},
    named_limit{"announce_key_bytes_max", limits::announce_key_bytes_max},
    named_limit{"udp_packet_bytes_max", limits::udp_packet_bytes_max},
    named_limit{"udp_reply_bytes_max", limits::udp_reply_bytes_max},
    named_limit{"udp_scrape_hashes_max", limits::udp_scrape_hashes_max},
    named_limit{"udp_offenders_max", limits::udp_offenders_max},
    named_limit{"udp_errors_per_second_max", limits::udp_errors_per_second_max},
    named_limit{"udp_in_flight_max", limits::udp_in_flight_max},
    named_limit{"http_header_bytes_max", limits::http_header_bytes_max},
    named_limit{"query_fields_max", limits::query_fields_max},
    named_limit{"proxy_header_bytes_max", limits::proxy_header_bytes_max},
    named_limit{"forwarded_hops_max", limits::forwarded_hops_max},
    named_limit{"json_body_bytes_max", limits::json_body_bytes_max},
    named_limit{"torrent_body_bytes_max", limits::torrent_body_bytes_max},
    named_limit{"publish_body_bytes_max", limits::publish_body_bytes_max},
    named_limit{"json_depth_max", limits::json_depth_max},
    named_limit{"pad_bytes_max", limits::pad_bytes_max},
    named_limit{"connections_per_edge_max", limits::connections_per_edge_max},
    named_limit{"sent_files_reserve_max", limits::sent_files_reserve_max},
    named_limit{"ws_message_bytes_max", limits::ws_message_bytes_max},
    named_limit{"ws_offers_max", limits::ws_offers_max},
    named_limit{"ws_offers_in_flight_max", limits::ws_offers_in_flight_max},
    named_limit{"ws_ids_per_socket_max", limits::ws_ids_per_socket_max},
    named_limit{"ws_peers_per_swarm_max", limits::ws_peers_per_swarm_max},
    named_limit{"ws_send_queue_bytes_max", limits::ws_send_queue_bytes_max},
    named_limit{"ws_bad_messages_max", limits::ws_bad_messages_max},
    named_limit{"ws_free_frames_max", limits::ws_free_frames_max},
    named_limit{"name_bytes_max", limits::name_bytes_max},
    named_limit{"text_field_bytes_max", limits::text_field_bytes_max},
    named_limit{"path_bytes_max", limits::path_bytes_max},
    named_limit{"id_segment_bytes_max", limits::id_segment_bytes_max},
    named_limit{"files_per_revision_max", limits::files_per_revision_max},
    named_limit{"cached_manifest_files_max", limits::cached_manifest_files_max},
    named_limit{"search_limit_max", limits::search_limit_max},
    named_limit{"search_limit_default", limits::search_limit_default},
    named_limit{"search_offset_max", limits::search_offset_max},
    named_limit{"torrent_bodies_at_once_max", limits::torrent_bodies_at_once_max},
    named_limit{"blocklist_page_max", limits::blocklist_page_max},
    named_limit{"magnet_bytes_max", limits::magnet_bytes_max},
    named_limit{"magnet_fields_max", limits::magnet_fields_max},
    named_limit{"metainfo_bytes_max", limits::metainfo_bytes_max},
    named_limit{"metainfo_depth_max", limits::metainfo_depth_max},
    named_limit{"metainfo_tokens_max", limits::metainfo_tokens_max},
    named_limit{"metainfo_urls_max", limits::metainfo_urls_max},
    named_limit{"manifest_bytes_max", limits::manifest_bytes_max},
    named_limit{"hash_buffers_bytes_max", limits::hash_buffers_bytes_max},
    named_limit{"piece_length_bytes_min", limits::piece_length_bytes_min},
    named_limit{"piece_length_bytes_max", limits::piece_length_bytes_max},
    named_limit{"record_bytes_max", limits::record_bytes_max},
    named_limit{"store_key_bytes_max", limits::store_key_bytes_max},
    named_limit{"commit_queue_max", limits::commit_queue_max},
    named_limit{"commit_batch_max", limits::commit_batch_max},
    named_limit{"object_bytes_max", limits::object_bytes_max},
    named_limit{"etcd_endpoints_max", limits::etcd_endpoints_max},
    named_limit{"etcd_requests_max", limits::etcd_requests_max},
    named_limit{"etcd_watches_max", limits::etcd_watches_max},
    named_limit{"etcd_answer_bytes_max", limits::etcd_answer_bytes_max},
    named_limit{"link_greeting_bytes_max", limits::link_greeting_bytes_max},
    named_limit{"link_body_bytes_max", limits::link_body_bytes_max},
    named_limit{"link_window_bytes", limits::link_window_bytes},
    named_limit{"link_queue_bytes_max", limits::link_queue_bytes_max},
    named_limit{"link_requests_max", limits::link_requests_max},
    named_limit{"link_inbox_bytes_max", limits::link_inbox_bytes_max},
    named_limit{"link_peers_max", limits::link_peers_max},
    named_limit{"link_text_bytes_max", limits::link_text_bytes_max},
    named_limit{"link_certificates_bytes_max", limits::link_certificates_bytes_max},
    named_limit{"link_complaints_max", limits::link_complaints_max},
    named_limit{"link_names_tried_max", limits::link_names_tried_max},
    named_limit{"link_strangers_max", limits::link_strangers_max},
    named_limit{"link_strangers_per_address_max", limits::link_strangers_per_address_max},
    named_limit{"link_handshakes_per_second_max", limits::link_handshakes_per_second_max},
    named_limit{"link_unknown_handshakes_per_second_max",
                limits::link_unknown_handshakes_per_second_max},
    named_limit{"link_addresses_max", limits::link_addresses_max},
    named_limit{"link_announces_max", limits::link_announces_max},
    named_limit{"link_scrapes_max", limits::link_scrapes_max},
    named_limit{"link_announce_bytes_max", limits::link_announce_bytes_max},
    named_limit{"shared_key_bytes_max", limits::shared_key_bytes_max},
    named_limit{"shared_key_generations_max", limits::shared_key_generations_max},
    named_limit{"replica_batch_bytes_max", limits::replica_batch_bytes_max},
    named_limit{"replica_listed_max", limits::replica_listed_max},
    named_limit{"replica_backlog_bytes_max", limits::replica_backlog_bytes_max},
    named_limit{"replica_window_max", limits::replica_window_max},
    named_limit{"replica_sync_backlog_bytes_max", limits::replica_sync_backlog_bytes_max},
    named_limit{"relay_inbox_bytes_max", limits::relay_inbox_bytes_max},
    named_limit{"relay_pending_max", limits::relay_pending_max},
    named_limit{"replication_backlog_bytes_max", limits::replication_backlog_bytes_max},
    named_limit{"replication_calls_max", limits::replication_calls_max},
    named_limit{"replication_body_bytes_max", limits::replication_body_bytes_max},
    named_limit{"registry_writes_max", limits::registry_writes_max},
    named_limit{"registry_counters_max", limits::registry_counters_max},
    named_limit{"registry_asks_max", limits::registry_asks_max},
    named_limit{"registry_entries_max", limits::registry_entries_max},
    named_limit{"object_piece_bytes_max", limits::object_piece_bytes_max},
    named_limit{"object_fetches_max", limits::object_fetches_max},
    named_limit{"relay_web_inbox_bytes_max", limits::relay_web_inbox_bytes_max},
    named_limit{"relay_web_kept_bytes_max", limits::relay_web_kept_bytes_max},
    named_limit{"relay_web_due_bytes_max", limits::relay_web_due_bytes_max},
    named_limit{"relay_web_guests_max", limits::relay_web_guests_max},
    named_limit{"relay_described_max", limits::relay_described_max},
    named_limit{"relay_descriptions_max", limits::relay_descriptions_max},
    named_limit{"relay_client_name_bytes_max", limits::relay_client_name_bytes_max},
};

} // namespace

void add_limit_metrics(metrics::registry& registry) {
  for (auto [name, value] : all_limits)
    registry.add_reader("shoal_limit", "Bounds that protect the node, by name",
                        "name=\"" + std::string{name} + "\"", [value = value] { return value; });
}

} // namespace shoal::http
