// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

/// Defaults of what an operator may configure, each with a sentence and a unit.
namespace shoal::defaults {

using namespace std::chrono_literals;

/// Time between two announces of a peer (BEP 3 "interval").
inline constexpr std::chrono::seconds announce_interval = 1800s;

/// Shortest time between announces that clients should keep ("min interval").
inline constexpr std::chrono::seconds announce_interval_min = 900s;

/// The interval is drawn evenly from +-this percentage so that peers spread out.
inline constexpr uint32_t interval_jitter_percent = 10;

/// Peers in a reply if the client does not say how many it wants.
inline constexpr uint32_t numwant = 50;

/// Peers in a reply at most, whatever the client wants.
inline constexpr uint32_t max_peers = 50;

/// A peer is forgotten after this many announce intervals without a word.
inline constexpr uint32_t peer_ttl_intervals = 2;

/// A peer that came back from a snapshot is forgotten after this unless it announces again.
inline constexpr std::chrono::seconds restored_peer_ttl = 900s;

/// How often each edge thread looks for expired peers and connections.
inline constexpr std::chrono::seconds sweep_period = 1s;

/// How often swarms are written to disk so that a restart brings them back.
inline constexpr std::chrono::seconds snapshot_period = 30s;

/// A node that was away for so long does not come back: others copy what it had.
inline constexpr std::chrono::seconds copies_absence = 600s;

/// Bytes per second that a node fetches to repair and to rebalance copies.
inline constexpr uint64_t copies_bytes_per_second = 64 << 20;

/// Bytes of objects that nobody has published here and that may go to make room.
inline constexpr uint64_t object_cache_bytes_max = uint64_t{100} << 30;

/// What was uploaded and not published, or only in part, is let go of after so long.
inline constexpr uint32_t upload_life_s = 86'400;

/// Agents say so often how they are.
inline constexpr std::chrono::seconds agent_interval = 30s;

/// Bytes per second that are read to verify objects.
inline constexpr uint64_t scrub_bytes_per_second = 16 << 20;

/// Objects are verified this often at most, from the begin of one round to that of the next.
inline constexpr std::chrono::hours scrub_round{24};

/// Token bucket per address (requests per second, and burst). @source Weightless API.
inline constexpr double rate_per_second = 5;
inline constexpr double rate_burst = 10;

/// Any request between actors is answered or failed within this.
inline constexpr std::chrono::seconds request_timeout = 5s;

/// A connection may take this long to deliver a whole request header.
inline constexpr std::chrono::seconds header_timeout = 10s;

/// An idle keep-alive connection is closed after this.
inline constexpr std::chrono::seconds idle_timeout = 60s;

/// A body transfer that moves no byte for this long is cut.
inline constexpr std::chrono::seconds stall_timeout = 60s;

/// Time between two announces over a WebSocket: short, as offers reach only who is there now.
inline constexpr std::chrono::seconds ws_interval = 120s;

/// An offer that was relayed may be answered for so long; clients give up on theirs then.
inline constexpr std::chrono::seconds ws_offer_ttl = 50s;

/// A WebSocket on which nothing came for so long is pinged; proxies close silent ones after 60 s.
inline constexpr std::chrono::seconds ws_ping_after = 45s;

/// A WebSocket on which nothing came for so long is cut: the client is gone.
inline constexpr std::chrono::seconds ws_silence_max = 120s;

/// SIGTERM: exchanges in flight get this long to finish; the process is gone within 10 s.
inline constexpr std::chrono::seconds drain_timeout = 7s;

/// An announce that another node does not answer within this is asked of the slot's standby, too.
inline constexpr std::chrono::milliseconds relay_patience = 400ms;

/// A node that lets announces wait is given one now and then, to see whether it is back.
inline constexpr std::chrono::milliseconds relay_probe_period = 500ms;

/// How often edges look for announces that wait for too long.
inline constexpr std::chrono::milliseconds relay_reminder_period = 20ms;

/// How often relays look for clients of other nodes that have been silent for too long.
inline constexpr std::chrono::seconds relay_web_sweep_period = 15s;

/// What nodes said about the objects that they have is believed for so long.
inline constexpr std::chrono::seconds object_places_lifetime = 10s;

/// A node that is gone for longer is not expected back: what only it had counts as lost.
inline constexpr std::chrono::minutes node_absence = 10min;

/// Another node may take this long to accept a connection for an object, and to begin its answer.
inline constexpr std::chrono::seconds object_source_patience = 3s;

/// Another node that sends no byte of an object for so long is given up.
inline constexpr std::chrono::seconds object_source_stall = 5s;

/// The same for a file that the other node pulls: it may wait for the origin itself.
inline constexpr std::chrono::seconds pull_source_stall = 40s;

/// A connection to another node's objects that nobody uses is closed after this.
inline constexpr std::chrono::seconds object_source_idle = 15s;

/// Where files are sought that nobody has published here. @source hf-bt `webseed.base-url`
inline constexpr const char* webseed_base_url = "https://huggingface.co";

/// What an origin said about a name such as "main" is believed for so long.
inline constexpr std::chrono::seconds webseed_fresh = 60s;

/// An origin that gives no byte for so long has failed. @source hf-bt `webseed.timeout-ms`
inline constexpr std::chrono::milliseconds webseed_timeout = 10'000ms;

/// Files from origins of up to so many bytes are checked whole before anybody gets a byte of them,
/// where nobody knows the hashes of their pieces: from 3.5 MB/s on they are here before a stock
/// client, which waits ten seconds, gives up.
inline constexpr uint64_t webseed_check_first_bytes = 32 * 1024 * 1024;

/// A reader of a file on its way is told so often that there is nothing yet.
inline constexpr std::chrono::milliseconds webseed_read_patience = 2000ms;

/// A client waits so long for the first byte of a file that comes from an origin, then it gets 503.
inline constexpr std::chrono::seconds webseed_first_byte_patience = 30s;

} // namespace shoal::defaults
