// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE get.session_settings

#include "cmd/get/session_settings.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal::get;
using settings = lt::settings_pack;

namespace {

bool calls_by_utp(const lt::settings_pack& pack) {
  return !pack.has_val(settings::enable_outgoing_utp)
         || pack.get_bool(settings::enable_outgoing_utp);
}

} // namespace

CAF_TEST(who fetches calls over TCP and answers by uTP) {
  const auto pack = settings_to_fetch({});
  CAF_CHECK(!calls_by_utp(pack));
  CAF_CHECK(!pack.has_val(settings::enable_incoming_utp)
            || pack.get_bool(settings::enable_incoming_utp));
  CAF_CHECK(pack.get_int(settings::aio_threads) == 4);
}

CAF_TEST(who only seeds calls by uTP too) {
  CAF_CHECK(calls_by_utp(settings_of({})));
}

CAF_TEST(both keep what the user has asked for) {
  session_options options;
  options.download_bytes_per_second = 5'000;
  options.upload_bytes_per_second = 7'000;
  options.dht = false;
  for (auto& pack : {settings_of(options), settings_to_fetch(options)}) {
    CAF_CHECK(pack.get_int(settings::download_rate_limit) == 5'000);
    CAF_CHECK(pack.get_int(settings::upload_rate_limit) == 7'000);
    CAF_CHECK(!pack.get_bool(settings::enable_dht));
  }
}
