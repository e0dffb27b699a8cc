// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.rate_limiter

#include "actors/rate_limiter.hpp"

#include <caf/test/unit_test.hpp>

#include <atomic>
#include <thread>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

const mono_time start = mono_time{} + 1000h;

ip_address ip(std::string_view text) {
  return *ip_address::parse(text);
}

ip_address nth(uint32_t i) {
  return ip_address::v4({uint8_t(i >> 24), uint8_t(i >> 16), uint8_t(i >> 8), uint8_t(i)});
}

int allowed(rate_limiter& limiter, const ip_address& client, mono_time now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i)
    count += limiter.allow(client, now);
  return count;
}

} // namespace

CAF_TEST(a burst is allowed and then the rate) {
  rate_limiter limiter;
  auto client = ip("8.8.8.8");
  CAF_CHECK_EQUAL(allowed(limiter, client, start, 100), 10);
  CAF_CHECK_EQUAL(limiter.retry_after_s(client, start), 1u);
  CAF_CHECK_EQUAL(allowed(limiter, client, start + 199ms, 100), 0);
  CAF_CHECK_EQUAL(allowed(limiter, client, start + 200ms, 100), 1);
  CAF_CHECK_EQUAL(allowed(limiter, client, start + 1200ms, 100), 5);
  CAF_CHECK_EQUAL(allowed(limiter, client, start + 1h, 100), 10);
  CAF_CHECK_EQUAL(limiter.retry_after_s(ip("8.8.4.4"), start), 0u);
}

CAF_TEST(an IPv6 client is a whole 64 bit network and an IPv4 client one address) {
  rate_limiter limiter;
  CAF_CHECK_EQUAL(allowed(limiter, ip("2606:4700:0:1::1"), start, 100), 10);
  CAF_CHECK_EQUAL(allowed(limiter, ip("2606:4700:0:1:ffff::2"), start, 100), 0);
  CAF_CHECK_EQUAL(allowed(limiter, ip("2606:4700:0:2::1"), start, 100), 10);
  CAF_CHECK_EQUAL(allowed(limiter, ip("8.8.8.8"), start, 100), 10);
  CAF_CHECK_EQUAL(allowed(limiter, ip("8.8.8.9"), start, 100), 10);
}

CAF_TEST(rate and burst are configurable and zero is no limit) {
  rate_limiter slow({0.5, 1, {}});
  auto client = ip("8.8.8.8");
  CAF_CHECK_EQUAL(allowed(slow, client, start, 10), 1);
  CAF_CHECK_EQUAL(slow.retry_after_s(client, start), 2u);
  rate_limiter off({0, 10, {}});
  CAF_CHECK_EQUAL(allowed(off, client, start, 1000), 1000);
}

CAF_TEST(a million addresses fit into the bound and a heavy hitter stays limited) {
  rate_limiter limiter;
  auto before = limiter.memory_bytes();
  auto heavy = ip("203.0.114.7");
  int granted = 0;
  auto now = start;
  // A million strangers in ten seconds, the heavy one after each thousandth of them.
  for (uint32_t i = 0; i < 1'000'000; ++i) {
    now += 10us;
    CAF_REQUIRE(limiter.allow(nth(0x10000000 + i), now));
    if (i % 1000 == 0)
      granted += allowed(limiter, heavy, now, 5);
  }
  CAF_MESSAGE("granted " << granted << " of 5000, buckets " << limiter.size() << ", "
                         << limiter.memory_bytes() << " bytes");
  CAF_CHECK(limiter.size() <= rate_limiter::buckets_max);
  CAF_CHECK(limiter.memory_bytes() <= before + rate_limiter::buckets_max * 16);
  CAF_CHECK(granted >= 55 && granted <= 60);
}

CAF_TEST(who has emptied its bucket survives a flood within one moment) {
  rate_limiter limiter;
  auto heavy = ip("203.0.114.7");
  CAF_CHECK_EQUAL(allowed(limiter, heavy, start, 20), 10);
  for (uint32_t i = 0; i < 1'000'000; ++i)
    limiter.allow(nth(0x10000000 + i), start);
  CAF_CHECK_EQUAL(allowed(limiter, heavy, start, 20), 0);
}

CAF_TEST(threads together get no more than the burst) {
  rate_limiter limiter;
  std::atomic<int> granted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { granted += allowed(limiter, ip("8.8.8.8"), start, 1000); });
  for (auto& t : threads)
    t.join();
  CAF_CHECK_EQUAL(granted.load(), 10);
}
