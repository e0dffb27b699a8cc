// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// Bounds that protect the node. Each queue, table, body and message names its bound here; units
/// stand last in the names. What an operator may change is in core/defaults.hpp.
namespace shoal::limits {

// -- tracker ------------------------------------------------------------------

inline constexpr uint32_t numwant_max = 1000;    ///< BEP 3 "numwant"; larger asks are clamped.
inline constexpr size_t scrape_hashes_max = 100; ///< Hashes in one HTTP scrape.
inline constexpr size_t passkey_bytes_max = 256; ///< User id, dot and 64 hex digits.
inline constexpr size_t user_id_bytes_max = 128;
inline constexpr size_t swarms_max = 4'000'000; ///< Swarms at once, about 400 bytes each if small.
inline constexpr size_t paired_changes_max = 4096;   ///< Facts in one message between swarms.
inline constexpr size_t announce_key_bytes_max = 64; ///< `key` and `trackerid`, decoded.

// -- UDP ------------------------------------------------------------------------

inline constexpr size_t udp_packet_bytes_max = 2048; ///< Received, a PROXY header included.
inline constexpr size_t udp_reply_bytes_max = 1352;  ///< Passes through VPNs in one piece.
inline constexpr size_t udp_scrape_hashes_max = 74;  ///< BEP 15 "scrape".
inline constexpr size_t udp_offenders_max = 65'536;  ///< Addresses with bad connection ids kept.
inline constexpr size_t udp_errors_per_second_max = 1000; ///< Error packets per edge thread.
inline constexpr size_t udp_in_flight_max = 4096; ///< Requests per edge thread without an answer.

// -- HTTP -----------------------------------------------------------------------

inline constexpr size_t http_header_bytes_max = 16 * 1024; ///< Request line and headers together.
inline constexpr size_t query_fields_max = 256;            ///< Parameters of a REST query.
inline constexpr size_t proxy_header_bytes_max = 4096;     ///< PROXY protocol, TLVs included.
inline constexpr size_t forwarded_hops_max = 32;           ///< Elements of X-Forwarded-For walked.
inline constexpr size_t json_body_bytes_max = 1024 * 1024;
inline constexpr size_t torrent_body_bytes_max = 100 * 1024 * 1024; ///< JSON with `torrent_data`.
inline constexpr size_t publish_body_bytes_max = 64 * 1024 * 1024;  ///< JSON with all files.
inline constexpr size_t json_depth_max = 32;
inline constexpr size_t ranges_max = 16; ///< Of a Range header; with more it is ignored.
inline constexpr uint64_t pad_bytes_max = 16 * 1024 * 1024; ///< BEP 47 `.pad/N`; one piece at most.
inline constexpr size_t connections_per_edge_max = 20'000;
inline constexpr size_t sent_files_reserve_max = 4096; ///< Descriptors that connections leave free.

// -- WebSocket tracker -----------------------------------------------------------

inline constexpr size_t ws_message_bytes_max = 64 * 1024; ///< All fragments together.
inline constexpr size_t ws_offers_max = 20;               ///< Of one announce; more are ignored.
inline constexpr size_t ws_offers_in_flight_max = 64;     ///< Not yet answered, to one socket.
inline constexpr size_t ws_ids_per_socket_max = 500;      ///< Pairs of info-hash and peer id.
inline constexpr size_t ws_peers_per_swarm_max = 100'000; ///< Connected by WebSocket.
inline constexpr size_t ws_send_queue_bytes_max = 256 * 1024; ///< Not yet taken by the client.
inline constexpr size_t ws_bad_messages_max = 8;              ///< Then the socket is closed.
inline constexpr size_t ws_free_frames_max = 16; ///< Of a sweep: frames that ask for nothing.

// -- registry --------------------------------------------------------------------

inline constexpr size_t name_bytes_max = 512;
inline constexpr size_t text_field_bytes_max = 8 * 1024; ///< Description, tags and the like.
inline constexpr size_t path_bytes_max = 4096;           ///< A file's path inside a revision.
inline constexpr size_t id_segment_bytes_max = 128;      ///< A namespace, a name or a revision.
inline constexpr size_t files_per_revision_max = 200'000;
inline constexpr size_t cached_manifest_files_max = 500'000;          ///< About 200 bytes each.
inline constexpr uint64_t git_blob_bytes_max = 10 * 1024 * 1024;      ///< Larger files go to LFS.
inline constexpr size_t hub_commit_bytes_max = 256 * 1024 * 1024;     ///< All lines of one.
inline constexpr size_t hub_commit_line_bytes_max = 15 * 1024 * 1024; ///< A blob in base64.
inline constexpr size_t cached_git_entries_max = 1'000'000; ///< Of all snapshots; 28 bytes each.
inline constexpr size_t cached_commits_max = 50'000;        ///< Names of commits kept.
inline constexpr size_t hub_revisions_max = 10'000;   ///< Of one model, whose commits are known.
inline constexpr uint32_t hub_models_page_max = 500;  ///< Of one answer of a list.
inline constexpr uint32_t hub_details_page_max = 50;  ///< The same with all files' names.
inline constexpr uint32_t hub_tree_page_max = 10'000; ///< Entries of one answer.
inline constexpr uint32_t hub_scanned_max = 1'000; ///< Models looked at for one page of a filter.
inline constexpr uint64_t model_header_bytes_max = 100'000'000;      ///< Of a safetensors file.
inline constexpr size_t gguf_header_bytes_max = 1024 * 1024;         ///< Read of a GGUF file.
inline constexpr uint64_t tensor_hash_bytes_max = uint64_t{1} << 36; ///< Larger files have none.
inline constexpr size_t card_text_bytes_max = 4096; ///< What a model file says, each text.
inline constexpr size_t card_tags_max = 128;
inline constexpr size_t card_tag_bytes_max = 128;
inline constexpr size_t card_image_bytes_max = 8 * 1024 * 1024; ///< A preview, in base64.
inline constexpr uint32_t shelf_models_max = 1'000;             ///< Of one list of model files.
inline constexpr uint32_t shelf_revisions_max = 10'000;         ///< Looked through for a hash.
inline constexpr size_t shelf_hints_max = 100'000; ///< Places of hashes that are remembered.
inline constexpr size_t shelf_images_bytes_max = 64 * 1024 * 1024; ///< In one list.
inline constexpr size_t shelf_chunks_max = 1'000'000;  ///< Hashes of chunks in one list.
inline constexpr size_t licence_bytes_max = 64 * 1024; ///< A text that somebody has to accept.
inline constexpr uint32_t acceptances_page_max = 1000; ///< Items of one answer.
inline constexpr size_t paced_principals_max = 65'536; ///< Whose downloads are counted.
inline constexpr size_t spent_principals_max = 16'384; ///< Of whom other nodes are yet to be told.
inline constexpr size_t signing_keys_max = 4;          ///< Generations that are good.
inline constexpr uint32_t search_limit_max = 100;
inline constexpr uint32_t search_limit_default = 50;
inline constexpr uint64_t search_offset_max = 10'000;     ///< Each shard hands out all before it.
inline constexpr unsigned torrent_bodies_at_once_max = 4; ///< Registrations beyond 1 MiB in work.
inline constexpr uint32_t blocklist_page_max = 1000;      ///< Items of one answer.

// -- torrents --------------------------------------------------------------------

inline constexpr size_t magnet_bytes_max = 64 * 1024;
inline constexpr size_t magnet_fields_max = 256;
inline constexpr size_t metainfo_bytes_max = 64 * 1024 * 1024;
inline constexpr int metainfo_depth_max = 100;        ///< Nested lists and dictionaries.
inline constexpr int metainfo_tokens_max = 4'000'000; ///< Values in one .torrent file.
inline constexpr size_t metainfo_urls_max = 1000;     ///< Trackers, and web seeds.
inline constexpr size_t manifest_bytes_max = 128 * 1024 * 1024;
inline constexpr size_t hash_buffers_bytes_max = 256 * 1024 * 1024; ///< Of `hash_folder`.
inline constexpr uint32_t piece_length_bytes_min = 16 * 1024;
inline constexpr uint32_t piece_length_bytes_max = 16 * 1024 * 1024;

// -- storage ---------------------------------------------------------------------

inline constexpr size_t record_bytes_max = 1024 * 1024;         ///< One LMDB value.
inline constexpr size_t store_key_bytes_max = 511;              ///< LMDB keys (its own bound).
inline constexpr size_t commit_queue_max = 16'384;              ///< Writes waiting for the writer.
inline constexpr size_t commit_batch_max = 1024;                ///< Writes that share one fsync.
inline constexpr uint64_t object_bytes_max = uint64_t{1} << 50; ///< One pebibyte.

// -- etcd --------------------------------------------------------------------------

inline constexpr size_t etcd_endpoints_max = 16;
inline constexpr size_t etcd_requests_max = 256; ///< Asked and not yet answered.
inline constexpr size_t etcd_watches_max = 64;
inline constexpr size_t etcd_answer_bytes_max = 32 * 1024 * 1024; ///< Also one line of a watch.

// -- links -------------------------------------------------------------------------

inline constexpr size_t link_greeting_bytes_max = 4096;          ///< Frames before a link is up.
inline constexpr size_t link_body_bytes_max = 1024 * 1024;       ///< Of one message between nodes.
inline constexpr size_t link_window_bytes = 4 * 1024 * 1024;     ///< Received, not yet dealt with.
inline constexpr size_t link_queue_bytes_max = 4 * 1024 * 1024;  ///< Of one link, without credit.
inline constexpr size_t link_requests_max = 16'384;              ///< Of one link, not yet answered.
inline constexpr size_t link_inbox_bytes_max = 64 * 1024 * 1024; ///< Not yet taken by the thread.
inline constexpr size_t link_peers_max = 4096;                   ///< Nodes that are followed.
inline constexpr size_t link_text_bytes_max = 512;               ///< Of an error or a farewell.
inline constexpr size_t link_certificates_bytes_max = 16 * 1024; ///< Of the other side, the chain.
inline constexpr size_t link_complaints_max = 64;                ///< Kept, lest they be repeated.
inline constexpr size_t link_names_tried_max = 4;                ///< Addresses of a name, at once.
inline constexpr size_t link_strangers_max = 256;                ///< Connections before a hello.
inline constexpr size_t link_strangers_per_address_max = 32;     ///< The same, from one address.
inline constexpr size_t link_handshakes_per_second_max = 20;     ///< From one address.
inline constexpr size_t link_unknown_handshakes_per_second_max = 100; ///< From all of those.
inline constexpr size_t link_addresses_max = 4096; ///< Whose handshakes are counted.
inline constexpr size_t link_announces_max = 1024; ///< In one message between nodes, and answers.
inline constexpr size_t link_scrapes_max = 256;    ///< In one message between nodes.
inline constexpr size_t link_spent_max = 4096;     ///< Principals in one message between nodes.
inline constexpr uint64_t link_spent_bytes_max = uint64_t{1} << 50; ///< Of one of those.
inline constexpr size_t link_announce_bytes_max = 256 * 1024;       ///< Such a message.
inline constexpr size_t shared_key_bytes_max = 16 * 1024;           ///< The record of one key.
inline constexpr size_t shared_key_generations_max = 4;             ///< In such a record.

// -- replication between nodes -------------------------------------------------------

inline constexpr size_t replica_batch_bytes_max = 64 * 1024;     ///< Facts that go together.
inline constexpr size_t replica_listed_max = 1024;               ///< Swarms named in one fact.
inline constexpr size_t replica_backlog_bytes_max = 1024 * 1024; ///< Of one slot, not acknowledged.
inline constexpr size_t replica_window_max = 8; ///< Batches under way, of one slot.
inline constexpr size_t replica_sync_backlog_bytes_max = 256 * 1024; ///< Then a full sync waits.
inline constexpr size_t replication_backlog_bytes_max = 64 * 1024 * 1024; ///< Of all slots.
inline constexpr size_t replication_calls_max = 4;               ///< To one node, not yet answered.
inline constexpr size_t replication_body_bytes_max = 256 * 1024; ///< Aimed at for one of them.

// -- announces to other nodes ------------------------------------------------------

inline constexpr size_t relay_inbox_bytes_max
    = 16 * 1024 * 1024;                             ///< Of an edge, not yet looked at.
inline constexpr size_t relay_pending_max = 65'536; ///< Of an edge, waiting for other nodes.
inline constexpr size_t edge_inquiries_max = 256;   ///< Of an edge: unregistered hashes in doubt.
inline constexpr size_t proofs_waiting_max = 4096;  ///< Of an actor: looks at what nobody may have.
inline constexpr size_t relay_web_inbox_bytes_max = 16 * 1024 * 1024; ///< Not yet looked at.
inline constexpr size_t relay_web_kept_bytes_max
    = 16 * 1024 * 1024; ///< To be sent again, if need be.
inline constexpr size_t relay_web_due_bytes_max
    = 64 * 1024 * 1024; ///< Given to swarms, no reply yet.
inline constexpr size_t relay_web_guests_max
    = 500'000;                                       ///< WebSockets of other nodes in swarms here.
inline constexpr size_t relay_described_max = 1000;  ///< Addresses of a swarm, for another node.
inline constexpr size_t relay_descriptions_max = 64; ///< At once, for all other nodes.
inline constexpr size_t relay_client_name_bytes_max = 64; ///< In such a description.

// -- what nodes of a cluster tell clients ----------------------------------------------

inline constexpr size_t client_urls_max = 8; ///< Nodes that one answer or .torrent names.

// -- the registry of a cluster -----------------------------------------------------

inline constexpr size_t registry_writes_max = 16'384;    ///< Asked of etcd, not yet answered.
inline constexpr size_t registry_counters_max = 100'000; ///< Records with counts not yet written.
inline constexpr size_t registry_asks_max = 16'384;      ///< Of other nodes, not yet answered.
inline constexpr size_t registry_entries_max = 128;      ///< Of one question to another node.
inline constexpr size_t object_piece_bytes_max = 512 * 1024; ///< Of one answer between nodes.
inline constexpr size_t object_fetches_max = 256; ///< Small objects on their way here at once.

// -- copies of objects ---------------------------------------------------------------

inline constexpr size_t objects_wanted_max = 262'144;   ///< That a node is to fetch, or to give up.
inline constexpr size_t object_wishers_max = 8;         ///< Records that wait for one of them.
inline constexpr size_t object_repairs_max = 4;         ///< Fetched at once, or given up.
inline constexpr size_t objects_held_max = 262'144;     ///< For other nodes that are to publish.
inline constexpr size_t objects_held_at_once_max = 512; ///< In one question.

// -- what publishers bring -----------------------------------------------------------

inline constexpr size_t uploads_max = 256;       ///< Objects that have come in part.
inline constexpr size_t in_place_files_max = 64; ///< Files being hashed to be served in place.

// -- agents ----------------------------------------------------------------------------

inline constexpr size_t agents_max = 100'000;       ///< Connected to this node.
inline constexpr size_t agent_swarms_max = 500;     ///< In one report; a message has room for them.
inline constexpr size_t agent_text_bytes_max = 128; ///< Its name, its zone.

// -- objects of other nodes ----------------------------------------------------------

inline constexpr size_t object_relays_max = 512; ///< Streams from other nodes to clients at once.
inline constexpr size_t object_relay_tries_max = 5; ///< In vain, of streams of one object.
inline constexpr size_t object_relay_buffer_bytes = 256 * 1024; ///< Of each of them.
inline constexpr size_t pull_relays_max = 8192; ///< Of files that another node pulls for all.
inline constexpr size_t pull_relay_buffer_bytes = 64 * 1024; ///< Of each: crowds wait for these.
inline constexpr size_t object_sources_idle_max = 32; ///< Connections of an edge kept for reuse.
inline constexpr size_t object_places_max = 16'384;   ///< Objects whose places are remembered.
inline constexpr size_t object_searches_max = 1024;   ///< Objects that are sought at once.

// -- files of origins ------------------------------------------------------------------

inline constexpr size_t webseed_pulls_max = 64;            ///< Files on their way at once.
inline constexpr size_t webseed_readers_max = 100'000;     ///< Of all of them.
inline constexpr size_t webseed_known_max = 100'000;       ///< Names whose files are remembered.
inline constexpr size_t webseed_lookups_max = 1024;        ///< Questions to origins under way.
inline constexpr size_t webseed_buffer_bytes = 256 * 1024; ///< Of each client that is sent one.
inline constexpr size_t webseed_listing_bytes_max = 32 * 1024 * 1024; ///< A page of an origin.
inline constexpr size_t webseed_listing_pages_max = 1000;
inline constexpr size_t webseed_listings_max = 64; ///< Revisions of origins kept in memory.

// -- mirrors and preheats --------------------------------------------------------------

inline constexpr size_t mirrors_waiting_max = 1024; ///< Revisions that may become mirrors.
inline constexpr size_t preheats_max = 64;          ///< Jobs that are remembered, ended ones too.
inline constexpr size_t preheats_active_max = 8;    ///< Jobs that have not ended.
inline constexpr size_t preheat_files_at_once_max = 4; ///< Of one job, on their way.
inline constexpr size_t preheat_patterns_max = 100;    ///< Of one job.
inline constexpr size_t preheat_watchers_max = 256;    ///< Streams of events, of all jobs.
inline constexpr size_t pull_errands_max = 1024;       ///< Files that come here for other nodes.
inline constexpr size_t pull_errand_waiters_max = 256; ///< Questions about one of them, unanswered.

} // namespace shoal::limits
