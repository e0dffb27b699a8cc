// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.edge_crew

#include "actors/edge_crew.hpp"

#include "core/error.hpp"

#include <caf/test/dsl.hpp>

#include <array>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

using namespace shoal;

namespace {

/// A kernel that does what it is told, until it does not.
struct kernel {
  unsigned steered_to = 0;
  bool able = true;

  edge_crew::steer steer() {
    return [this](unsigned edges) {
      if (able)
        steered_to = edges;
      return able;
    };
  }
};

struct fixture {
  kernel host;

  void all_report(edge_crew& crew, unsigned edges, double busy) {
    for (auto i = edges; i-- > 0;)
      crew.report(i, busy, host.steer());
  }
};

mono_time fake_now;

mono_time read_fake_clock() {
  return fake_now;
}

/// Sockets of one UDP address, as edges open them.
class reuseport_group {
public:
  explicit reuseport_group(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      auto fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      int on = 1;
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
      SHOAL_CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&at_), sizeof(at_)) == 0);
      socklen_t size = sizeof(at_);
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&at_), &size);
      sockets.push_back(fd);
    }
  }
  ~reuseport_group() {
    for (auto fd : sockets)
      ::close(fd);
  }

  /// Sends packets from as many sources. @returns how many came by each socket.
  std::vector<size_t> spread(size_t packets) {
    for (size_t i = 0; i < packets; ++i) {
      auto from = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      ::sendto(from, "x", 1, 0, reinterpret_cast<sockaddr*>(&at_), sizeof(at_));
      ::close(from);
    }
    std::vector<size_t> got;
    for (auto fd : sockets) {
      size_t count = 0;
      char byte = 0;
      while (::recv(fd, &byte, 1, 0) == 1)
        ++count;
      got.push_back(count);
    }
    return got;
  }

  std::vector<int> sockets;

private:
  sockaddr_in at_ = [] {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return any;
  }();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(edge_crew_tests, fixture)

CAF_TEST(one edge suffices until it falls behind) {
  edge_crew crew{6};
  CAF_CHECK_EQUAL(crew.size(), 6u);
  crew.begin(host.steer());
  CAF_CHECK_EQUAL(crew.size(), 1u);
  CAF_CHECK_EQUAL(host.steered_to, 1u);
  all_report(crew, 6, 1.0); // Busy, but not behind.
  CAF_CHECK_EQUAL(crew.size(), 1u);
  for (auto size : {2u, 4u, 6u, 6u}) {
    crew.reinforce(0, host.steer());
    CAF_CHECK_EQUAL(crew.size(), size);
    CAF_CHECK_EQUAL(host.steered_to, size);
  }
}

CAF_TEST(who is off duty does not call for help) {
  edge_crew crew{4};
  crew.begin(host.steer());
  crew.reinforce(1, host.steer()); // Its last connections of a time on duty.
  CAF_CHECK_EQUAL(crew.size(), 1u);
}

CAF_TEST(who is not needed goes in steps) {
  edge_crew crew{8};
  crew.begin(host.steer());
  for (auto i = 0; i < 3; ++i)
    crew.reinforce(0, host.steer());
  CAF_REQUIRE_EQUAL(crew.size(), 8u);
  all_report(crew, 8, 0.6); // Just what they are for.
  CAF_CHECK_EQUAL(crew.size(), 8u);
  all_report(crew, 8, 0.5); // 4 edges' work: 7 do it at 0.57.
  CAF_CHECK_EQUAL(crew.size(), 7u);
  for (auto size : {3u, 1u, 1u}) {
    all_report(crew, 8, 0.0);
    CAF_CHECK_EQUAL(crew.size(), size);
    CAF_CHECK_EQUAL(host.steered_to, size);
  }
}

CAF_TEST(only the edges on duty count) {
  edge_crew crew{4};
  crew.begin(host.steer());
  crew.reinforce(0, host.steer());
  CAF_REQUIRE_EQUAL(crew.size(), 2u);
  crew.report(3, 1.0, host.steer()); // Old connections keep it busy.
  crew.report(1, 0.1, host.steer());
  crew.report(0, 0.1, host.steer());
  CAF_CHECK_EQUAL(crew.size(), 1u);
}

CAF_TEST(who was just called is not sent off for having done nothing yet) {
  edge_crew crew{4};
  crew.begin(host.steer());
  all_report(crew, 4, 0.0);
  crew.reinforce(0, host.steer());
  crew.reinforce(0, host.steer());
  CAF_REQUIRE_EQUAL(crew.size(), 4u);
  crew.report(0, 1.0, host.steer());
  CAF_CHECK_EQUAL(crew.size(), 4u);
}

CAF_TEST(where nothing can be steered all stay on duty) {
  edge_crew crew{4};
  host.able = false;
  crew.begin(host.steer());
  crew.reinforce(0, host.steer());
  all_report(crew, 4, 0.0);
  CAF_CHECK_EQUAL(crew.size(), 4u);
}

CAF_TEST(a kernel that refuses later changes nothing) {
  edge_crew crew{4};
  crew.begin(host.steer());
  host.able = false;
  crew.reinforce(0, host.steer());
  CAF_CHECK_EQUAL(crew.size(), 1u);
  host.able = true;
  crew.reinforce(0, host.steer());
  CAF_CHECK_EQUAL(crew.size(), 2u);
}

CAF_TEST(a backlog counts when it lasts) {
  using std::chrono::microseconds;
  edge_backlog backlog;
  fake_now = mono_time{} + std::chrono::hours{1};
  auto after = [&](microseconds passed, bool more) {
    fake_now += passed;
    return backlog.lasts(more, read_fake_clock);
  };
  CAF_CHECK(!after(microseconds{0}, true));
  CAF_CHECK(!after(microseconds{1'900}, true));
  CAF_CHECK(!after(microseconds{50}, false)); // All was done in between.
  CAF_CHECK(!after(microseconds{50}, true));
  CAF_CHECK(!after(microseconds{1'900}, true));
  CAF_CHECK(after(microseconds{100}, true));
  CAF_CHECK(!after(microseconds{1'900}, true)); // Help had no time to show.
  CAF_CHECK(after(microseconds{100}, true));
}

CAF_TEST(the kernel gives packets to the first sockets) {
  reuseport_group group{4};
  CAF_REQUIRE(steer_sockets(group.sockets[2], 1));
  auto all = std::vector<size_t>{200, 0, 0, 0};
  CAF_CHECK_EQUAL(group.spread(200), all);
  CAF_REQUIRE(steer_sockets(group.sockets[0], 3));
  auto got = group.spread(200);
  CAF_CHECK_EQUAL(got[0] + got[1] + got[2], 200u);
  CAF_CHECK_EQUAL(got[3], 0u);
  for (size_t i = 0; i < 3; ++i)
    CAF_CHECK(got[i] > 20); // 67 +- 7; less than that once in 10^11 runs.
  CAF_REQUIRE(steer_sockets(group.sockets[3], 4));
  CAF_CHECK(group.spread(200)[3] > 10);
}

CAF_TEST_FIXTURE_SCOPE_END()
