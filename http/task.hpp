// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace shoal::http {

namespace asio = boost::asio;

/// Everything of an edge runs on its one thread, so a concrete executor saves type erasure.
using executor = asio::io_context::executor_type;

/// A coroutine of an edge thread.
template <class T = void>
using task = asio::awaitable<T, executor>;

/// Completion token that suspends the current task.
inline constexpr asio::use_awaitable_t<executor> use_task{};

using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
using tcp_acceptor = asio::basic_socket_acceptor<asio::ip::tcp, executor>;

} // namespace shoal::http
