// SPDX-License-Identifier: Apache-2.0
// Writes generated entries straight into the store of a node that is not running.
//     bench_fill_registry FOLDER [ENTRIES]
#include "persistence/lmdb_store.hpp"
#include "persistence/records.hpp"
#include "tests/bench/registry_names.hpp"

#include <cstdio>
#include <cstdlib>

using namespace shoal;

namespace {

entry_record make_entry(name_generator& g, uint64_t number) {
  entry_record entry;
  entry.v2 = sha256_digest::from_bytes(std::string_view(key_of(number)));
  entry.name = g.name();
  entry.publisher = entry.name.substr(0, entry.name.find('/'));
  entry.description = "Weights of " + entry.name;
  entry.license = "apache-2.0";
  entry.category = g.category();
  entry.tags = g.tags();
  entry.size_bytes = g.below(uint64_t{1} << 36);
  entry.completions = g.below(g.below(10'000) + 1);
  entry.created_at = unix_seconds(1'700'000'000 + mix_bits(number) % 20'000'000);
  entry.updated_at = entry.created_at;
  return entry;
}

void add(commit_request& batch, const entry_record& entry) {
  auto key = entry_key(entry);
  alias_record alias{key};
  auto short_name = std::string(truncate(*entry.v2).chars());
  batch.mutations.push_back({table::aliases, std::move(short_name), encode(alias)});
  batch.mutations.push_back({table::entries, std::move(key), encode(entry)});
}

int complain(const error& err) {
  std::fprintf(stderr, "bench_fill_registry: %s\n", to_string(err).c_str());
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_fill_registry FOLDER [ENTRIES]\n");
    return 2;
  }
  auto entries = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  lmdb_config config;
  config.path = argv[1];
  config.sync = false;
  auto store = lmdb_store::open(config);
  if (!store)
    return complain(store.error());
  name_generator g(1);
  commit_request batch;
  for (uint64_t i = 0; i < entries; ++i) {
    add(batch, make_entry(g, i));
    if (batch.mutations.size() < 20'000 && i + 1 < entries)
      continue;
    if (auto written = (*store)->commit(batch); !written)
      return complain(written.error());
    batch = {};
  }
}
