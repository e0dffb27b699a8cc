// SPDX-License-Identifier: Apache-2.0
#include "cluster/copy_diff.hpp"

#include "core/limits.hpp"

#include <algorithm>

namespace shoal::cluster {

namespace {

/// After every table's name.
constexpr std::string_view no_end = "\xff";

std::string_view table_of(std::string_view below) {
  return below.substr(0, below.find('/'));
}

/// The key of "TABLE/KEY" if that is in the table, else nothing.
std::string_view within(std::string_view below, table where) {
  auto slash = below.find('/');
  bool is_there = slash != std::string_view::npos && below.substr(0, slash) == name(where);
  return is_there ? below.substr(slash + 1) : std::string_view{};
}

bool is_past(std::string_view below, table where) {
  return table_of(below) > name(where);
}

} // namespace

std::optional<data_key> parse_data_key(std::string_view below) {
  auto slash = below.find('/');
  if (slash == std::string_view::npos)
    return std::nullopt;
  auto key = below.substr(slash + 1);
  if (key.empty() || key.size() > limits::store_key_bytes_max)
    return std::nullopt;
  for (auto where : shared_tables)
    if (below.substr(0, slash) == name(where))
      return data_key{where, key};
  return std::nullopt;
}

void copy_diff::clear() {
  read_to_.clear();
  static_cast<void>(take());
}

std::vector<replicated> copy_diff::take() {
  bytes_ = 0;
  return std::exchange(found_, {});
}

void copy_diff::put(table where, const coordination::key_value& row) {
  auto parsed = parse_data_key(below(row));
  if (!parsed || row.value.size() > limits::record_bytes_max)
    return;
  found_.push_back({where, std::string(parsed->key), row.value, row.mod_revision});
  bytes_ += row.key.size() + row.value.size();
}

/// One table, between the last row before this page and `upto`, both "TABLE/KEY".
result<void> copy_diff::merge(table where, rows page, std::string_view upto) {
  auto after = within(read_to_, where);
  bool is_open = is_past(upto, where);
  auto end = within(upto, where);
  size_t next = 0;
  auto key_at = [&](size_t i) { return within(below(page[i]), where); };
  auto seen = copy_.visit(where, after, [&](std::string_view key, uint64_t revision) {
    if (!after.empty() && key <= after)
      return true;
    if (!is_open && key > end)
      return false;
    while (next < page.size() && key_at(next) < key)
      put(where, page[next++]);
    if (next == page.size() || key_at(next) != key) {
      if (!keeps_erased) {
        found_.push_back({where, std::string(key), std::nullopt, 0});
        bytes_ += key.size();
      }
    } else if (page[next++].mod_revision != revision) {
      put(where, page[next - 1]);
    }
    return true;
  });
  for (; next < page.size(); ++next)
    put(where, page[next]);
  return seen;
}

result<void> copy_diff::add(rows page) {
  if (page.empty())
    return {};
  std::string upto{below(page.back())};
  for (auto where : shared_tables) {
    if (is_past(read_to_, where))
      continue;
    auto is_here = [&](const auto& kv) { return table_of(below(kv)) == name(where); };
    auto first = std::find_if(page.begin(), page.end(), is_here);
    auto last = std::find_if_not(first, page.end(), is_here);
    if (table_of(upto) < name(where))
      break;
    if (auto merged = merge(where, {first, last}, upto); !merged)
      return merged;
  }
  read_to_ = std::move(upto);
  return {};
}

result<void> copy_diff::finish() {
  for (auto where : shared_tables)
    if (!is_past(read_to_, where))
      if (auto merged = merge(where, {}, no_end); !merged)
        return merged;
  return {};
}

} // namespace shoal::cluster
