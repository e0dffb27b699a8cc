// SPDX-License-Identifier: Apache-2.0
// Precompiled for the layer's sources; no source relies on it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>
