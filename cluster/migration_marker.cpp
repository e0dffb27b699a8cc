// SPDX-License-Identifier: Apache-2.0
#include "cluster/migration_marker.hpp"

#include "cluster/replica_copy.hpp"
#include "core/hex.hpp"

namespace shoal::cluster {

namespace {

constexpr std::string_view all_copied = "copied";
constexpr std::string_view all_done = "done";

} // namespace

std::string encode(const migration_marker& x) {
  auto text = x.source + ' ';
  if (x.at == migration_marker::phase::done)
    return text.append(all_done);
  if (x.at == migration_marker::phase::copied)
    return text.append(all_copied);
  return text.append(name(shared_tables[x.table])) + ' ' + to_hex(as_bytes(x.after));
}

std::optional<migration_marker> decode_migration_marker(std::string_view text) {
  migration_marker x;
  x.source = text.substr(0, text.find(' '));
  if (x.source.empty() || x.source.size() == text.size())
    return std::nullopt;
  text.remove_prefix(x.source.size() + 1);
  if (text == all_copied || text == all_done) {
    x.at = text == all_done ? migration_marker::phase::done : migration_marker::phase::copied;
    x.table = shared_tables.size();
    return x;
  }
  auto space = text.find(' ');
  for (; x.table < shared_tables.size() && space != std::string_view::npos; ++x.table) {
    if (text.substr(0, space) != name(shared_tables[x.table]))
      continue;
    std::vector<uint8_t> key((text.size() - space - 1) / 2);
    if (!from_hex(text.substr(space + 1), key))
      return std::nullopt;
    x.after = as_chars(key);
    return x;
  }
  return std::nullopt;
}

} // namespace shoal::cluster
