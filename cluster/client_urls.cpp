// SPDX-License-Identifier: Apache-2.0
#include "cluster/client_urls.hpp"

#include "core/limits.hpp"

#include <algorithm>

namespace shoal::cluster {

std::vector<std::string> client_urls(std::span<const seen_node> nodes, std::string_view self) {
  std::vector<std::string> urls;
  auto is_before = [&](const seen_node& node) { return node.record.id < self; };
  const auto first = static_cast<size_t>(std::count_if(nodes.begin(), nodes.end(), is_before));
  for (size_t i = 0; i < nodes.size() && urls.size() < limits::client_urls_max; ++i) {
    auto& node = nodes[(first + i) % nodes.size()];
    auto& url = node.record.url;
    if (!url.empty() && !node.is_draining && !node.record.leaving
        && std::find(urls.begin(), urls.end(), url) == urls.end())
      urls.push_back(url);
  }
  return urls;
}

} // namespace shoal::cluster
