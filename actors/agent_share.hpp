// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/agent_book.hpp"
#include "cluster/link.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shoal {

/// From now on the other nodes hear what agents here say, and what they tell is noted: any of them
/// may be asked to choose an agent's peers. What is lost on the way comes with the next report.
/// @param links before their first `follow`; they outlive whoever writes the book.
/// @param others names of the other nodes, now. Any thread.
void share_agents(const std::shared_ptr<agent_book>& book, cluster::links& links,
                  std::function<std::vector<std::string>()> others);

} // namespace shoal
