// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"

/// The texts that etcd 3.4's JSON gateway takes and gives: keys and values in base64, 64-bit
/// numbers as strings, what is 0, empty or false left out. Pure; nothing throws, whatever comes.
/// @source etcd 3.4 api/etcdserverpb/rpc.proto; proto3's JSON mapping.
namespace shoal::coordination::etcd {

// -- requests ---------------------------------------------------------------------------------

/// Where each request goes, always by POST.
namespace path {
inline constexpr std::string_view txn = "/v3/kv/txn";
inline constexpr std::string_view range = "/v3/kv/range";
inline constexpr std::string_view watch = "/v3/watch";
inline constexpr std::string_view grant = "/v3/lease/grant";
inline constexpr std::string_view keep_alive = "/v3/lease/keepalive";
inline constexpr std::string_view revoke = "/v3/lease/revoke";
inline constexpr std::string_view authenticate = "/v3/auth/authenticate";
} // namespace path

std::string encode(const transaction& what);

/// An empty `first` is the first key there can be.
std::string encode(const range_query& what);

/// Asks the member itself, not the cluster, for next to nothing.
std::string encode_probe();

std::string encode_watch(std::string_view first, std::string_view end, uint64_t from_revision);
std::string encode_grant(uint32_t ttl_s);
std::string encode_lease(lease_id lease); ///< For keep_alive and revoke.
std::string encode_credentials(std::string_view user, std::string_view password);

// -- answers ----------------------------------------------------------------------------------

/// Errors of all: ec::corrupt if the text is not such an answer.
result<transaction_result> decode_transaction(std::string_view text, size_t keys_read);
result<range_page> decode_range(std::string_view text, uint64_t at_revision);
result<lease_id> decode_grant(std::string_view text);

/// @errors also ec::not_found: the lease has ended.
result<uint32_t> decode_keep_alive(std::string_view text);
result<uint64_t> decode_revoke(std::string_view text);

/// @returns a token that may stand in a header.
result<std::string> decode_token(std::string_view text);

/// One line of a watch.
struct watch_message {
  bool created = false;
  bool canceled = false;
  bool fragment = false;         ///< The rest of the last revision comes with the next message.
  uint64_t revision = 0;         ///< Of the store; says nothing about the events.
  uint64_t compact_revision = 0; ///< Not 0: canceled because what was asked for is compacted.
  std::string cancel_reason;
  std::vector<watch_event> events; ///< In the order of their revisions.
};

result<watch_message> decode_watch(std::string_view line);

// -- failures ---------------------------------------------------------------------------------

/// What a failure says about the request.
enum class verdict : uint8_t {
  refused,   ///< Certainly not done, and no member would do it.
  elsewhere, ///< Certainly not done; another member may do it.
  token,     ///< Certainly not done: the token counts no more.
  unknown,   ///< May have been done.
};

struct failure {
  verdict what = verdict::unknown;
  error why;
};

/// Whether the text reports a failure though the status was 200: streams do that.
bool is_failure(std::string_view text);

/// @param status of HTTP.
/// @param text of any kind.
failure decode_failure(unsigned status, std::string_view text);

} // namespace shoal::coordination::etcd
