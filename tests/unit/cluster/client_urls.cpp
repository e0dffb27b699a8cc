// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.client_urls

#include "cluster/client_urls.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;

namespace {

using strings = std::vector<std::string>;

seen_node reached_at(std::string id, std::string url) {
  seen_node node;
  node.record.id = std::move(id);
  node.record.url = std::move(url);
  return node;
}

} // namespace

CAF_TEST(the node itself comes first and the ids after it follow) {
  std::vector nodes{reached_at("a", "http://a"), reached_at("b", "http://b"),
                    reached_at("c", "http://c")};
  CAF_CHECK_EQUAL(client_urls(nodes, "b"), (strings{"http://b", "http://c", "http://a"}));
  CAF_CHECK_EQUAL(client_urls(nodes, "d"), (strings{"http://a", "http://b", "http://c"}));
  CAF_CHECK_EQUAL(client_urls({}, "a"), strings{});
}

CAF_TEST(who goes and who has no URL is not named) {
  std::vector nodes{reached_at("a", "http://a"), reached_at("b", ""), reached_at("c", "http://c"),
                    reached_at("d", "http://d")};
  nodes[0].is_draining = true;
  nodes[2].record.leaving = true;
  CAF_CHECK_EQUAL(client_urls(nodes, "a"), strings{"http://d"});
}

CAF_TEST(nodes behind one URL count as one) {
  std::vector nodes{reached_at("a", "http://all"), reached_at("b", "http://all")};
  CAF_CHECK_EQUAL(client_urls(nodes, "b"), strings{"http://all"});
}

CAF_TEST(big clusters name some of their nodes and not the same ones everywhere) {
  std::vector<seen_node> nodes;
  for (char id = 'a'; id <= 'z'; ++id)
    nodes.push_back(reached_at({id}, std::string{"http://"} + id));
  auto urls = client_urls(nodes, "y");
  CAF_CHECK_EQUAL(urls.size(), limits::client_urls_max);
  CAF_CHECK_EQUAL(urls[0], "http://y");
  CAF_CHECK_EQUAL(urls[2], "http://a");
}
