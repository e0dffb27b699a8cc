// SPDX-License-Identifier: Apache-2.0
#include "persistence/origin_book.hpp"

#include "protocol/digest.hpp"

namespace shoal {

namespace {

constexpr uint64_t book_map_bytes = uint64_t{4} << 20;

/// Names are hashed, so no key is one of the store's own.
constexpr std::array book_tables{table::meta};

/// Names may be longer than LMDB's keys.
std::string key_of(std::string_view name) {
  return std::string{sha256(name).chars()};
}

} // namespace

result<std::unique_ptr<origin_book>> origin_book::open(const std::filesystem::path& folder,
                                                       bool sync) {
  lmdb_config config;
  config.path = folder;
  config.initial_map_bytes = book_map_bytes;
  config.sync = sync;
  config.tables = book_tables;
  std::unique_ptr<origin_book> self{new origin_book};
  auto store = lmdb_store::open(config);
  if (!store && store.error().code == ec::corrupt) {
    std::error_code failure;
    std::filesystem::remove_all(folder, failure);
    store = lmdb_store::open(config);
  }
  if (!store)
    return tl::unexpected{store.error()};
  self->store_ = std::move(*store);
  return self;
}

std::optional<origin_record> origin_book::find(std::string_view name) const {
  auto found = store_->get(table::meta, key_of(name));
  if (!found || !*found)
    return std::nullopt;
  auto record = decode_origin((*found)->value);
  if (!record)
    return std::nullopt;
  return std::move(*record);
}

result<void> origin_book::put(std::string_view name, const origin_record& what) {
  std::lock_guard guard{mutex_};
  auto done = store_->commit(commit_request{{}, {{table::meta, key_of(name), encode(what)}}});
  if (!done)
    return tl::unexpected{done.error()};
  return {};
}

} // namespace shoal
