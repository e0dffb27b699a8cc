// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// What nodes say to each other on a link. A frame is a length (4 bytes, big endian) and so many
/// bytes of msgpack: an array of a kind and its fields. Later versions append fields, which are
/// skipped by those that do not know them. See docs/adr/0018-links.md.
namespace shoal::cluster {

/// Why a link is not to be, or not to be any longer. The numbers are on the wire: append only.
enum class link_refusal : uint8_t {
  malformed = 1,        ///< What came is no hello of ours.
  wrong_cluster,        ///< The hello is for another cluster.
  incompatible_version, ///< The ranges of protocol versions do not meet.
  wrong_certificate,    ///< The certificate does not name the node that is claimed.
  wrong_node,           ///< Somebody else than the dialer wanted is at this address.
  wrong_direction,      ///< The node with the higher id dials.
  duplicate_node,       ///< Another process with that node id is alive.
  old_incarnation,      ///< Not the process that is registered for that node id.
  unknown_node,         ///< Nobody is registered under that node id.
  skewed_config,        ///< Settings that must agree in a cluster do not.
  superseded,           ///< A later connection takes its place.
  shutting_down,        ///< The node leaves.
  link_refusal_sentinel_
};

/// @returns the name of the enumerator.
std::string_view name(link_refusal x);

/// The first frame of each side.
struct link_hello {
  std::string cluster;       ///< 1..64 bytes.
  std::string node;          ///< Who speaks, 1..64 bytes.
  std::string wanted;        ///< Whom the dialer wants to reach; empty from the other side.
  uint64_t incarnation = 0;  ///< Of the process, 1..
  uint64_t fingerprint = 0;  ///< Of the settings that must agree.
  uint64_t attempt = 0;      ///< The dialer's connections are numbered; the other side says 0.
  uint64_t window_bytes = 0; ///< How much may be under way to the speaker, for each lane.
  uint32_t protocol_min = 0;
  uint32_t protocol_max = 0;

  bool operator==(const link_hello&) const = default;
};

/// The last frame of a side.
struct link_farewell {
  link_refusal reason = link_refusal::malformed;
  std::string text; ///< For people, at most 512 bytes.

  bool operator==(const link_farewell&) const = default;
};

/// Life sign. The receiver sends the stamp back at once.
struct link_heartbeat {
  uint64_t stamp = 0; ///< Means something to whom it comes from.
  bool echo = false;

  bool operator==(const link_heartbeat&) const = default;
};

/// How much the speaker has dealt with since the link began: bytes as `link_cost` counts them.
struct link_credit {
  uint64_t asks = 0;
  uint64_t answers = 0;

  bool operator==(const link_credit&) const = default;
};

struct link_request {
  uint64_t id = 0;        ///< Each is greater than the one before.
  uint32_t budget_ms = 0; ///< After which nobody waits for the answer.
  uint16_t kind = 0;      ///< What it means to the layer above.
  std::string_view body;

  bool operator==(const link_request&) const = default;
};

struct link_answer {
  uint64_t id = 0; ///< Of the request.
  std::string_view body;

  bool operator==(const link_answer&) const = default;
};

struct link_failure {
  uint64_t id = 0; ///< Of the request.
  ec code = ec::unavailable;
  std::string_view text; ///< At most 512 bytes.

  bool operator==(const link_failure&) const = default;
};

/// A message without an answer.
struct link_notice {
  uint16_t kind = 0;
  std::string_view body;

  bool operator==(const link_notice&) const = default;
};

using link_frame = std::variant<link_hello, link_farewell, link_heartbeat, link_credit,
                                link_request, link_answer, link_failure, link_notice>;

inline constexpr size_t link_length_bytes = 4;

/// What a message costs of the window: its body and what surely covers all around it.
inline constexpr uint64_t link_overhead_bytes = 64;

constexpr uint64_t link_cost(size_t body_bytes) {
  return body_bytes + link_overhead_bytes;
}

/// Appends one frame, the length included. Texts for people are cut to their bound.
void encode(const link_frame& frame, std::string& out);

/// Cuts a stream of bytes into frames. Never throws, and keeps no more than one frame and what was
/// fed last.
class link_frame_reader {
public:
  link_frame_reader();
  ~link_frame_reader();

  /// Frames longer than this are refused as soon as their length is known, the length not counted.
  void limit(size_t frame_bytes_max) { frame_bytes_max_ = frame_bytes_max; }

  void feed(std::string_view bytes);

  /// @returns the next frame, if it is there; its views hold until the next call of `feed` or
  /// `next`. @errors ec::too_large, ec::corrupt: nothing that follows can be understood.
  result<std::optional<link_frame>> next();

private:
  struct workspace;

  size_t frame_bytes_max_;
  std::string buffer_;
  size_t used_ = 0;
  std::unique_ptr<workspace> workspace_;
};

/// The longest frame that may come when a link is up.
size_t link_frame_bytes_max();

} // namespace shoal::cluster
