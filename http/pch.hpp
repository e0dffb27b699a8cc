// SPDX-License-Identifier: Apache-2.0
// Precompiled for the layer's sources; no source relies on it.
#pragma once

#include <boost/asio.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <nlohmann/json.hpp>
