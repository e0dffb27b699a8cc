// SPDX-License-Identifier: Apache-2.0
#include "cluster/shared_key_record.hpp"

#include "core/hex.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace shoal::cluster {

namespace {

using nlohmann::json;

/// Numbers grow, and must not overflow.
constexpr uint64_t number_max = uint64_t{1} << 53;

/// @returns zero if there is none: an older program wrote it.
int64_t read_seconds(const json& from, const char* name) {
  auto found = from.find(name);
  if (found == from.end() || !found->is_number_unsigned())
    return 0;
  return static_cast<int64_t>(std::min<uint64_t>(found->get<uint64_t>(), INT64_MAX));
}

bool read_generation(const json& from, key_generation& out) {
  if (!from.is_object())
    return false;
  auto number = from.find("number");
  auto created = from.find("created_at");
  auto secret = from.find("secret");
  if (number == from.end() || created == from.end() || secret == from.end()
      || !number->is_number_unsigned() || !created->is_number_integer() || !secret->is_string())
    return false;
  // Above what a signed number holds would come out negative.
  if (created->is_number_unsigned() && created->get<uint64_t>() > uint64_t{INT64_MAX})
    return false;
  out.number = number->get<uint64_t>();
  out.created_at = created->get<int64_t>();
  out.secret.resize(key_generation::secret_bytes);
  auto* bytes = reinterpret_cast<uint8_t*>(out.secret.data());
  return out.number != 0 && out.number <= number_max
         && from_hex(secret->get_ref<const std::string&>(), {bytes, out.secret.size()});
}

} // namespace

std::string encode(const shared_key_record& x) {
  auto all = json::array();
  for (auto& g : x.generations)
    all.push_back({{"number", g.key.number},
                   {"created_at", g.key.created_at},
                   {"known_s", static_cast<uint64_t>(g.known_s)},
                   {"secret", to_hex(as_bytes(g.key.secret))}});
  return json{{"generations", all}}.dump();
}

result<shared_key_record> decode_shared_key(std::string_view value) {
  auto broken = [] { return fail(ec::corrupt, "a shared key"); };
  if (value.size() > limits::shared_key_bytes_max)
    return broken();
  auto object = json::parse(value, nullptr, false);
  if (!object.is_object())
    return broken();
  auto all = object.find("generations");
  if (all == object.end() || !all->is_array() || all->empty()
      || all->size() > shared_key_record::generations_max)
    return broken();
  shared_key_record x;
  for (auto& one : *all) {
    auto& g = x.generations.emplace_back();
    if (!read_generation(one, g.key))
      return broken();
    g.known_s = read_seconds(one, "known_s");
    auto n = x.generations.size();
    if (n > 1 && x.generations[n - 2].key.number <= g.key.number)
      return broken();
  }
  return x;
}

} // namespace shoal::cluster
