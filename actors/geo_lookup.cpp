// SPDX-License-Identifier: Apache-2.0
#include "actors/geo_lookup.hpp"

#include <cstring>
#include <maxminddb.h>
#include <netinet/in.h>

namespace shoal {

struct geo_lookup::database {
  MMDB_s handle{};
  bool is_open = false;

  ~database() {
    if (is_open)
      MMDB_close(&handle);
  }
};

geo_lookup::geo_lookup() = default;
geo_lookup::~geo_lookup() = default;

result<std::shared_ptr<const geo_lookup>> geo_lookup::open(const std::vector<std::string>& paths) {
  if (paths.empty())
    return fail(ec::invalid_argument, "geoip-database: none given");
  std::shared_ptr<geo_lookup> made{new geo_lookup};
  for (auto& path : paths) {
    auto file = std::make_unique<database>();
    auto status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &file->handle);
    if (status != MMDB_SUCCESS)
      return fail(ec::invalid_argument, "geoip-database: " + path + ": " + MMDB_strerror(status));
    file->is_open = true;
    made->databases_.push_back(std::move(file));
  }
  return std::shared_ptr<const geo_lookup>{std::move(made)};
}

namespace {

/// @returns the two letters under `path`, or 0.
uint16_t read_country(MMDB_entry_s& entry, const char* const* path) {
  MMDB_entry_data_s data;
  if (MMDB_aget_value(&entry, &data, path) != MMDB_SUCCESS || !data.has_data
      || data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
    return 0;
  auto* text = reinterpret_cast<const uint8_t*>(data.utf8_string);
  return uint16_t(text[0] << 8 | text[1]);
}

uint32_t read_network(MMDB_entry_s& entry) {
  static const char* const path[] = {"autonomous_system_number", nullptr};
  MMDB_entry_data_s data;
  if (MMDB_aget_value(&entry, &data, path) != MMDB_SUCCESS || !data.has_data)
    return 0;
  return data.type == MMDB_DATA_TYPE_UINT32   ? data.uint32
         : data.type == MMDB_DATA_TYPE_UINT16 ? data.uint16
                                              : 0;
}

} // namespace

geo_lookup::answer geo_lookup::find(const ip_address& address) const {
  static const char* const country[] = {"country", "iso_code", nullptr};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
  std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
  auto* where = address.is_v4() ? reinterpret_cast<const sockaddr*>(&v4)
                                : reinterpret_cast<const sockaddr*>(&v6);
  answer known;
  for (auto& file : databases_) {
    int failed = MMDB_SUCCESS;
    auto found = MMDB_lookup_sockaddr(&file->handle, where, &failed);
    if (failed != MMDB_SUCCESS || !found.found_entry)
      continue;
    if (known.country == 0)
      known.country = read_country(found.entry, country);
    if (known.network == 0)
      known.network = read_network(found.entry);
  }
  return known;
}

} // namespace shoal
