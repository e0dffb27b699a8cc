// SPDX-License-Identifier: Apache-2.0
#include "cluster/lmdb_copy.hpp"

#include <charconv>

namespace shoal::cluster {

namespace {

constexpr std::string_view position_key = "replica.position";
constexpr std::string_view whole = " complete";
constexpr std::string_view part = " partial";

} // namespace

result<copy_position> lmdb_copy::position() const {
  auto found = store_.get(table::meta, position_key);
  if (!found && found.error().code != ec::corrupt)
    return tl::unexpected(found.error());
  if (!found || !*found)
    return copy_position{};
  const auto& text = (*found)->value;
  copy_position at;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), at.revision);
  auto state = std::string_view(text).substr(static_cast<size_t>(end - text.data()));
  if (bad != std::errc{} || (state != whole && state != part))
    return copy_position{};
  at.complete = state == whole;
  return at;
}

result<void> lmdb_copy::forget_position() {
  commit_request gone;
  gone.mutations.push_back({table::meta, std::string(position_key), std::nullopt});
  auto done = store_.commit(gone);
  if (!done)
    return tl::unexpected(done.error());
  return {};
}

result<void> lmdb_copy::apply(std::span<const replicated> changes, const copy_position& after) {
  auto text = std::to_string(after.revision) + std::string(after.complete ? whole : part);
  return store_.replicate(changes, {table::meta, std::string(position_key), std::move(text)});
}

result<void> lmdb_copy::visit(table where, std::string_view first, const visitor& visit) const {
  auto seen = store_.scan(where, first,
                          [&](auto key, auto, uint64_t revision) { return visit(key, revision); });
  if (!seen && seen.error().code == ec::corrupt)
    return {};
  return seen;
}

} // namespace shoal::cluster
