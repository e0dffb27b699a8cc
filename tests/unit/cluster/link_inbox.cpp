// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.link_inbox

#include "cluster/link_inbox.hpp"

#include <caf/test/unit_test.hpp>

#include <atomic>

using namespace shoal;
using namespace shoal::cluster;

using verdict = link_inbox::verdict;

CAF_TEST(what is taken is done and what is not taken is said) {
  boost::asio::io_context io;
  link_inbox box{io};
  std::string done;
  CAF_CHECK(box.put([&] { done += 'a'; }, 1) == verdict::taken);
  CAF_CHECK(box.put([&] { done += 'b'; }, limits::link_inbox_bytes_max) == verdict::full);
  io.run();
  CAF_CHECK_EQUAL(done, "a");
  CAF_CHECK_EQUAL(box.refused(), 1u);
  CAF_CHECK(box.put([&] { done += 'c'; }, limits::link_inbox_bytes_max) == verdict::taken);
  box.close();
  CAF_CHECK_EQUAL(done, "ac");
  CAF_CHECK(box.put([&] { done += 'd'; }, 1) == verdict::closed);
  CAF_CHECK_EQUAL(done, "ac");
}

CAF_TEST(what is put while the inbox closes is done or refused) {
  boost::asio::io_context io;
  link_inbox box{io};
  unsigned taken = 0;
  unsigned closed = 0;
  unsigned done = 0;
  std::function<void()> again = [&] {
    if (++done < 100)
      ++(box.put(again, 1) == verdict::taken ? taken : closed);
  };
  ++(box.put(again, 1) == verdict::taken ? taken : closed);
  box.close();
  CAF_CHECK_EQUAL(taken, done);
  CAF_CHECK_EQUAL(closed, 1u);
}

CAF_TEST(threads that put work while the inbox closes miss nothing) {
  for (int round = 0; round < 200; ++round) {
    boost::asio::io_context io;
    link_inbox box{io};
    std::atomic<unsigned> taken = 0;
    std::atomic<unsigned> done = 0;
    std::thread other{[&] {
      while (box.put([&] { ++done; }, 1) != verdict::closed)
        ++taken;
    }};
    while (taken == 0)
      std::this_thread::yield();
    box.close();
    other.join();
    CAF_CHECK_EQUAL(taken.load(), done.load());
  }
}
