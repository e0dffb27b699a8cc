// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/registry_json.hpp"

#include "core/base64.hpp"

#include <charconv>

namespace shoal::http {

namespace {

constexpr std::string_view bad_body = "Invalid JSON body";

void put_text(nlohmann::ordered_json& out, const char* field, const std::string& value) {
  if (!value.empty())
    out[field] = value;
}

/// Reads the text fields; of several errors the first counts.
class field_reader {
public:
  explicit field_reader(const json_body& body) : body_{body} {}

  std::string text(const char* field, size_t bytes_max) {
    auto value = body_.text(field, bytes_max);
    note(value);
    return value ? std::move(*value) : std::string{};
  }

  uint64_t number(const char* field) {
    auto value = body_.number(field);
    note(value);
    return value ? value->value_or(0) : 0;
  }

  const std::optional<error>& failure() const { return failure_; }

private:
  template <class T>
  void note(const result<T>& value) {
    if (value || failure_)
      return;
    failure_ = value.error();
    // As in the original, a field of the wrong type is a body that does not decode.
    if (failure_->code == ec::invalid_argument)
      failure_->detail = bad_body;
  }

  const json_body& body_;
  std::optional<error> failure_;
};

result<torrent_hashes> read_hashes(const std::string& primary, const std::string& v1) {
  torrent_hashes hashes;
  hashes.v2 = sha256_digest::from_hex(primary);
  hashes.v1 = info_hash::from_hex(primary);
  if (!hashes.v2 && !hashes.v1)
    return fail(ec::invalid_argument, "Invalid info_hash: it must be 40 or 64 hex digits");
  if (v1.empty())
    return hashes;
  auto second = info_hash::from_hex(v1);
  if (!second)
    return fail(ec::invalid_argument, "Invalid v1_info_hash: it must be 40 hex digits");
  if (hashes.v1 && hashes.v1 != second)
    return fail(ec::invalid_argument, "info_hash and v1_info_hash are two different v1 hashes");
  hashes.v1 = second;
  return hashes;
}

/// Checks that a .torrent is the one that was named, and takes from it what was not said.
result<void> adopt(const metainfo& torrent, registry_entry& entry) {
  auto& said = entry.hashes;
  // A v2 torrent may be named by the 20 bytes that trackers see.
  auto truncated = torrent.v2 ? std::optional{truncate(*torrent.v2)} : std::nullopt;
  if (said.v2 && said.v2 != torrent.v2)
    return fail(ec::invalid_argument, "torrent_data is the file of another info_hash");
  if (said.v1 && said.v1 != torrent.v1 && (said.v2 || said.v1 != truncated))
    return fail(ec::invalid_argument, said.v2 ? "torrent_data is the file of another v1_info_hash"
                                              : "torrent_data is the file of another info_hash");
  said.v1 = torrent.v1;
  said.v2 = torrent.v2;
  if (entry.size_bytes == 0)
    entry.size_bytes = torrent.total_size_bytes;
  entry.is_private = torrent.is_private;
  return {};
}

result<void> read_torrent(registration_body& out, const std::string& encoded) {
  auto bytes = base64_decode(encoded);
  if (!bytes)
    return fail(ec::invalid_argument, "torrent_data is not base64");
  auto torrent = parse_metainfo(*bytes);
  if (!torrent)
    return fail(torrent.error().code, "torrent_data: " + torrent.error().detail);
  out.torrent = std::move(*bytes);
  return adopt(*torrent, out.entry);
}

search_sort parse_sort(std::string_view text) {
  if (text == "completions")
    return search_sort::completions;
  return text == "seeders" ? search_sort::seeders : search_sort::created_at;
}

} // namespace

nlohmann::ordered_json to_json(const registry_entry& entry) {
  nlohmann::ordered_json out;
  auto& hashes = entry.hashes;
  out["info_hash"] = hashes.v2 ? hashes.v2->hex() : hashes.primary_swarm().hex();
  if (hashes.v1 && hashes.v2)
    out["v1_info_hash"] = hashes.v1->hex();
  out["name"] = entry.name;
  out["verified"] = entry.verified;
  out["completions"] = entry.completions;
  put_text(out, "description", entry.description);
  put_text(out, "publisher", entry.publisher);
  put_text(out, "license", entry.license);
  if (entry.size_bytes > 0)
    out["size"] = entry.size_bytes;
  put_text(out, "category", entry.category);
  put_text(out, "tags", entry.tags);
  out["seeders"] = entry.seeders;
  out["leechers"] = entry.leechers;
  return out;
}

nlohmann::ordered_json to_json(const metainfo& torrent) {
  auto files = nlohmann::ordered_json::array();
  for (auto& file : torrent.files)
    if (!file.pad)
      files.push_back({{"path", file.path}, {"length", file.size_bytes}});
  nlohmann::ordered_json out;
  out["name"] = torrent.name;
  out["piece_length"] = torrent.piece_length_bytes;
  out["piece_count"] = torrent.piece_count;
  out["total_size"] = torrent.total_size_bytes;
  out["files"] = std::move(files);
  return out;
}

std::optional<std::string> parse_hash(std::string_view hex) {
  if (auto v2 = sha256_digest::from_hex(hex))
    return std::string{v2->chars()};
  if (auto v1 = info_hash::from_hex(hex))
    return std::string{v1->chars()};
  return std::nullopt;
}

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

result<registration_body> parse_registration(std::string_view text) {
  auto body
      = json_body::parse(text, {"info_hash", "v1_info_hash", "name", "description", "publisher",
                                "license", "size", "category", "tags", "torrent_data"});
  if (!body)
    return fail(ec::invalid_argument, std::string{bad_body});
  constexpr auto text_max = limits::text_field_bytes_max;
  field_reader read{*body};
  registration_body out;
  auto& entry = out.entry;
  auto primary = read.text("info_hash", text_max);
  auto v1 = read.text("v1_info_hash", text_max);
  entry.name = read.text("name", limits::name_bytes_max);
  entry.description = read.text("description", text_max);
  entry.publisher = read.text("publisher", text_max);
  entry.license = read.text("license", text_max);
  entry.size_bytes = read.number("size");
  entry.category = read.text("category", text_max);
  entry.tags = read.text("tags", text_max);
  auto encoded = body->take_text("torrent_data");
  if (read.failure())
    return tl::unexpected{*read.failure()};
  if (!encoded)
    return fail(ec::invalid_argument, std::string{bad_body});
  if (encoded->empty() && text.size() > limits::json_body_bytes_max)
    return fail(ec::too_large,
                "the body has more than " + std::to_string(limits::json_body_bytes_max) + " bytes");
  if (primary.empty() || entry.name.empty())
    return fail(ec::missing_argument);
  auto hashes = read_hashes(primary, v1);
  if (!hashes)
    return tl::unexpected{hashes.error()};
  entry.hashes = *hashes;
  if (!encoded->empty())
    if (auto adopted = read_torrent(out, *encoded); !adopted)
      return tl::unexpected{adopted.error()};
  return out;
}

result<search_query> parse_search(const query_params& params) {
  search_query query;
  query.q = params.get("q").value_or("");
  query.category = params.get("category").value_or("");
  query.publisher = params.get("publisher").value_or("");
  query.tags = params.get("tags").value_or("");
  query.sort = parse_sort(params.get("sort").value_or(""));
  auto limit = parse_number(params.get("limit").value_or("")).value_or(0);
  if (limit > 0)
    query.limit = static_cast<uint32_t>(std::min<uint64_t>(limit, limits::search_limit_max));
  query.offset = parse_number(params.get("offset").value_or("")).value_or(0);
  if (query.offset > limits::search_offset_max)
    return fail(ec::invalid_argument,
                "offset must not be larger than " + std::to_string(limits::search_offset_max));
  return query;
}

} // namespace shoal::http
