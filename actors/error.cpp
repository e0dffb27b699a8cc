// SPDX-License-Identifier: Apache-2.0
#include "actors/error.hpp"

#include <caf/atom.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace shoal {

namespace {

constexpr auto category = caf::atom("shoal");

} // namespace

caf::error to_caf(const error& err) {
  return caf::error{static_cast<uint8_t>(err.code), category, caf::make_message(err.detail)};
}

error from_caf(const caf::error& err) {
  if (err.category() == category && err.code() > 0
      && err.code() < static_cast<uint8_t>(ec::ec_sentinel_)) {
    auto& context = err.context();
    auto detail = context.match_elements<std::string>() ? context.get_as<std::string>(0) : "";
    return {static_cast<ec>(err.code()), detail};
  }
  if (err == caf::sec::request_timeout)
    return {ec::timeout, "an actor did not answer"};
  return {ec::unavailable, "an actor is down"};
}

} // namespace shoal
