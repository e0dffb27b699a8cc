// SPDX-License-Identifier: Apache-2.0
#include "cluster/shared_key_record.hpp"

#include "core/hex.hpp"

#include <nlohmann/json.hpp>

namespace shoal::cluster {

namespace {

using nlohmann::json;

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
  return out.number != 0
         && from_hex(secret->get_ref<const std::string&>(), {bytes, out.secret.size()});
}

} // namespace

std::string encode(const shared_key_record& x) {
  auto all = json::array();
  for (auto& g : x.generations)
    all.push_back({{"number", g.number},
                   {"created_at", g.created_at},
                   {"secret", to_hex(as_bytes(g.secret))}});
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
    if (!read_generation(one, g))
      return broken();
    if (x.generations.size() > 1 && x.generations[x.generations.size() - 2].number <= g.number)
      return broken();
  }
  return x;
}

} // namespace shoal::cluster
