// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/net.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace shoal {

/// What a proxy says about the connection that it passes on.
struct proxy_header {
  size_t size = 0; ///< Bytes that it takes; the connection's own bytes follow.
  /// Who really asks; nothing if the proxy speaks for itself (LOCAL, a health check) or does not
  /// know (UNKNOWN, UNSPEC, a Unix socket): then the socket's own address counts.
  std::optional<endpoint> source;
  std::optional<endpoint> destination; ///< Whom it asked; present if `source` is.

  bool operator==(const proxy_header&) const = default;
};

/// Reads the header that must stand at the beginning of a connection, of version 1 (text) or 2
/// (binary). TLVs are skipped. Believe it only if the socket's address is that of a trusted proxy.
/// @returns the header, or nothing if `bytes` are a good beginning of one and more is needed.
/// @errors ec::invalid_argument: no header, or one that the protocol tells receivers to refuse;
/// ec::too_large: longer than limits::proxy_header_bytes_max. The connection must be dropped.
/// @source "The PROXY protocol", versions 1 and 2, HAProxy, 2020-03-05.
result<std::optional<proxy_header>> parse_proxy_header(std::span<const uint8_t> bytes);

/// Reads the version 2 header at the beginning of a datagram; all of it must be there. Version 1 is
/// for streams only.
/// @errors as `parse_proxy_header`, a truncated header being ec::invalid_argument.
result<proxy_header> parse_proxy_datagram(std::span<const uint8_t> bytes);

/// What version 2 calls the transport of what follows.
enum class proxy_transport : uint8_t { stream = 1, datagram = 2 };

/// Appends a version 1 header: what a proxy sends for one of our programs or tests.
/// @param source, destination of the same family.
void append_proxy_header_v1(std::string& out, const endpoint& source, const endpoint& destination);

/// Appends a version 2 header without TLVs.
/// @param source, destination of the same family.
void append_proxy_header_v2(std::string& out, const endpoint& source, const endpoint& destination,
                            proxy_transport transport);

} // namespace shoal
