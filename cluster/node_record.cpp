// SPDX-License-Identifier: Apache-2.0
#include "cluster/node_record.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace shoal::cluster {

namespace {

using nlohmann::json;

constexpr size_t value_bytes_max = 16 * 1024;
constexpr size_t text_bytes_max = 64;
constexpr size_t address_bytes_max = 256;
constexpr size_t addresses_max = 16;
constexpr size_t url_bytes_max = 256;

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= text_bytes_max
         && std::all_of(id.begin(), id.end(), [](char c) {
              return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                     || c == '.' || c == '_' || c == '-';
            });
}

/// Printable ASCII: it goes into logs, tables and JSON.
bool is_text(std::string_view x, size_t bytes_max) {
  return x.size() <= bytes_max
         && std::all_of(x.begin(), x.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// "http(s)://host[:port][/path]" without a slash at the end: paths are appended to it, and whoever
/// asks any node is told it.
bool is_base_url(std::string_view x) {
  if (x.size() > url_bytes_max || x.ends_with('/')
      || !std::all_of(x.begin(), x.end(), [](char c) { return c > ' ' && c <= '~'; })
      || x.find_first_of("?#\"<>\\") != std::string_view::npos)
    return false;
  for (std::string_view scheme : {"http://", "https://"})
    if (x.starts_with(scheme)) {
      auto rest = x.substr(scheme.size());
      auto authority = rest.substr(0, rest.find('/'));
      return !authority.empty() && authority.find('@') == std::string_view::npos;
    }
  return false;
}

/// Reads members of an object. The first one of a wrong kind spoils the rest.
class members {
public:
  explicit members(const json& object) : object_{object}, good_{object.is_object()} {}

  template <class Number>
  members& number(const char* key, Number& out) {
    auto* found = find(key);
    if (!found)
      return *this;
    good_ = found->is_number_unsigned()
            && found->get<uint64_t>() <= std::numeric_limits<Number>::max();
    if (good_)
      out = static_cast<Number>(found->get<uint64_t>());
    return *this;
  }

  members& text(const char* key, std::string& out) {
    auto* found = find(key);
    if (!found)
      return *this;
    good_ = found->is_string();
    if (good_)
      out = found->get_ref<const std::string&>();
    return *this;
  }

  members& texts(const char* key, std::vector<std::string>& out) {
    auto* found = find(key);
    if (!found)
      return *this;
    good_
        = found->is_array() && found->size() <= addresses_max
          && std::all_of(found->begin(), found->end(), [](const json& x) { return x.is_string(); });
    if (good_)
      out = found->get<std::vector<std::string>>();
    return *this;
  }

  members& flag(const char* key, bool& out) {
    auto* found = find(key);
    if (!found)
      return *this;
    good_ = found->is_boolean();
    if (good_)
      out = found->get<bool>();
    return *this;
  }

  bool good() const { return good_; }

private:
  const json* find(const char* key) const {
    if (!good_)
      return nullptr;
    auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  const json& object_;
  bool good_;
};

} // namespace

result<void> check(const node_record& x) {
  if (!is_id(x.id))
    return fail(ec::invalid_argument, "a node id is 1 to 64 letters, digits, '.', '_' or '-'");
  if (x.incarnation == 0)
    return fail(ec::invalid_argument, "incarnation");
  if (!is_text(x.zone, text_bytes_max) || !is_text(x.version, text_bytes_max))
    return fail(ec::invalid_argument, "zone or version");
  if (x.addresses.size() > addresses_max
      || !std::all_of(x.addresses.begin(), x.addresses.end(),
                      [](const auto& a) { return !a.empty() && is_text(a, address_bytes_max); }))
    return fail(ec::invalid_argument, "addresses");
  if (!x.url.empty() && !is_base_url(x.url))
    return fail(ec::invalid_argument,
                "public-url is \"http(s)://host[:port][/path]\" of at most 256 bytes");
  if (x.protocol_min > x.protocol_max)
    return fail(ec::invalid_argument, "protocol range");
  return {};
}

std::string encode(const node_record& x) {
  json object{{"incarnation", x.incarnation},
              {"addresses", x.addresses},
              {"zone", x.zone},
              {"weight", x.weight},
              {"version", x.version},
              {"protocol_min", x.protocol_min},
              {"protocol_max", x.protocol_max},
              {"leaving", x.leaving}};
  if (!x.url.empty())
    object["url"] = x.url;
  return object.dump();
}

result<node_record> decode_node_record(std::string_view id, std::string_view value) {
  if (value.size() > value_bytes_max)
    return fail(ec::corrupt, "node record too long");
  auto object = json::parse(value, nullptr, false);
  node_record x;
  x.id = id;
  members m{object};
  m.number("incarnation", x.incarnation).texts("addresses", x.addresses).text("zone", x.zone);
  m.number("weight", x.weight).text("version", x.version).flag("leaving", x.leaving);
  m.number("protocol_min", x.protocol_min).number("protocol_max", x.protocol_max);
  m.text("url", x.url);
  if (!m.good())
    return fail(ec::corrupt, "node record");
  if (auto sound = check(x); !sound)
    return fail(ec::corrupt, "node record: " + sound.error().detail);
  return x;
}

std::string encode(const slot_holder& x) {
  return x.node + ' ' + std::to_string(x.incarnation);
}

result<slot_holder> decode_slot_holder(std::string_view value) {
  auto space = value.find(' ');
  if (space == std::string_view::npos || !is_id(value.substr(0, space)))
    return fail(ec::corrupt, "slot holder");
  slot_holder x{std::string{value.substr(0, space)}, 0};
  auto digits = value.substr(space + 1);
  auto [end, failure]
      = std::from_chars(digits.data(), digits.data() + digits.size(), x.incarnation);
  if (failure != std::errc{} || end != digits.data() + digits.size() || x.incarnation == 0)
    return fail(ec::corrupt, "slot holder");
  return x;
}

} // namespace shoal::cluster
