// SPDX-License-Identifier: Apache-2.0
#include "cluster/coordination.hpp"

namespace shoal::coordination {

std::string prefix_end(std::string_view prefix) {
  std::string end{prefix};
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff)
    end.pop_back();
  if (end.empty())
    return std::string(1, '\0');
  end.back() = static_cast<char>(end.back() + 1);
  return end;
}

} // namespace shoal::coordination
