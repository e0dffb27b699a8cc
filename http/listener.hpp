// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/net.hpp"
#include "http/task.hpp"

#include <chrono>
#include <vector>

namespace shoal::http {

/// Opens a socket that listens on `where` next to those of the other edges (SO_REUSEPORT).
/// @errors ec::unavailable with the address and why.
result<tcp_acceptor> listen_on(executor where_to_run, const endpoint& where);

/// Finds out whether this process may listen on `all` before its edges do. SO_REUSEPORT would let a
/// second node take half of the connections of the first one unnoticed, so this binds without it.
/// @returns `all` without "::" if this machine has no IPv6 and there is another address.
/// @errors ec::unavailable with the address and why.
result<std::vector<endpoint>> usable_addresses(const std::vector<endpoint>& all);

/// Whether accept(2) failed because descriptors or memory are short: connections have to end first.
bool is_shortage(int code);

/// How long to leave connections alone when there is nothing to hold them with.
inline constexpr std::chrono::milliseconds shortage_pause{100};

/// What a listener still takes when it closes: as many as wait at one at most, by Linux's default.
inline constexpr size_t last_accepts_max = 4096;

/// Logs that accept(2) failed, seldom enough for somebody who reads it.
void complain_about_shortage(int code);

} // namespace shoal::http
