// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/publication.hpp"

#include "core/limits.hpp"
#include "protocol/bounded_json.hpp"
#include "protocol/torrent_builder.hpp"

#include <array>
#include <map>

namespace shoal::http {

namespace {

using document = nlohmann::json;

/// {files: [{path: ...}]}
constexpr json_bounds publication_bounds{3, 8 * limits::files_per_revision_max};

tl::unexpected<error> bad(std::string what) {
  return fail(ec::invalid_argument, std::move(what));
}

result<std::string> text_in(const document& doc, const char* key, size_t bytes_max) {
  auto i = doc.find(key);
  if (i == doc.end() || i->is_null())
    return std::string{};
  if (!i->is_string())
    return bad(std::string{key} + " is a text");
  auto& text = i->get_ref<const std::string&>();
  if (text.size() > bytes_max)
    return fail(ec::too_large,
                std::string{key} + " has more than " + std::to_string(bytes_max) + " bytes");
  return text;
}

/// A required field of an element of a list.
template <class T, class Read>
result<T> field_in(const document& element, const char* list, size_t i, const char* key,
                   Read read) {
  auto field = element.is_object() ? element.find(key) : element.end();
  auto found = element.is_object() && field != element.end() ? read(*field) : std::optional<T>{};
  if (!found)
    return bad(std::string{list} + "[" + std::to_string(i) + "]: bad or missing " + key);
  return std::move(*found);
}

std::optional<std::string> as_text(const document& value) {
  if (!value.is_string())
    return std::nullopt;
  return value.get_ref<const std::string&>();
}

std::optional<uint64_t> as_size(const document& value) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > limits::object_bytes_max)
    return std::nullopt;
  return value.get<uint64_t>();
}

std::optional<sha256_digest> as_digest(const document& value) {
  auto text = as_text(value);
  return text ? sha256_digest::from_hex(*text) : std::nullopt;
}

std::optional<std::string> as_format(const document& value) {
  auto text = as_text(value);
  return text && parse_torrent_format(*text) ? text : std::nullopt;
}

result<const document*> list_in(const document& doc, const char* key) {
  auto i = doc.find(key);
  if (i == doc.end())
    return fail(ec::missing_argument, key);
  if (!i->is_array() || i->empty())
    return bad(std::string{key} + " is a list that is not empty");
  return &*i;
}

result<void> read_files(const document& doc, manifest& m) {
  auto list = list_in(doc, "files");
  if (!list)
    return tl::unexpected{list.error()};
  for (size_t i = 0; i < (*list)->size(); ++i) {
    auto& item = (**list)[i];
    auto path = field_in<std::string>(item, "files", i, "path", as_text);
    auto size = field_in<uint64_t>(item, "files", i, "size", as_size);
    auto digest = field_in<sha256_digest>(item, "files", i, "sha256", as_digest);
    if (!path || !size || !digest)
      return tl::unexpected{!path ? path.error() : !size ? size.error() : digest.error()};
    m.files.push_back({std::move(*path), *size, *digest, std::nullopt});
  }
  return {};
}

result<void> read_torrents(const document& doc, manifest& m) {
  auto list = list_in(doc, "torrents");
  if (!list)
    return tl::unexpected{list.error()};
  for (size_t i = 0; i < (*list)->size(); ++i) {
    auto& item = (**list)[i];
    auto format = field_in<std::string>(item, "torrents", i, "format", as_format);
    auto object = field_in<sha256_digest>(item, "torrents", i, "object", as_digest);
    if (!format || !object)
      return tl::unexpected{format ? object.error() : format.error()};
    if (m.find_torrent(*format))
      return bad("torrents: two of format " + *format);
    m.torrents.push_back({std::move(*format), std::nullopt, std::nullopt, *object});
  }
  // They would be four swarms of one content; a registry entry counts three together.
  if (m.find_torrent("hybrid") && m.find_torrent("v2"))
    return bad("torrents: a hybrid contains a v2 torrent, so only one of them can be published");
  return {};
}

result<void> read_texts(const document& doc, publication& out) {
  for (auto [key, field] :
       {std::pair{"publisher", &out.publisher}, std::pair{"license", &out.license},
        std::pair{"category", &out.category}, std::pair{"tags", &out.tags},
        std::pair{"description", &out.description}}) {
    auto text = text_in(doc, key, limits::text_field_bytes_max);
    if (!text)
      return tl::unexpected{text.error()};
    *field = std::move(*text);
  }
  auto kind = text_in(doc, "kind", limits::text_field_bytes_max);
  if (!kind)
    return tl::unexpected{kind.error()};
  if (!kind->empty())
    out.content.kind = std::move(*kind);
  for (auto [key, field] :
       {std::pair{"private", &out.content.is_private}, std::pair{"gated", &out.content.is_gated}}) {
    auto said = doc.find(key);
    if (said != doc.end() && !said->is_boolean())
      return bad(std::string{key} + " is true or false");
    if (said != doc.end())
      *field = said->get<bool>();
  }
  return {};
}

/// Checks all but the torrents' hashes, which are not known yet.
result<void> check_content(manifest& m) {
  normalize(m);
  auto torrents = std::exchange(m.torrents, {});
  auto valid = validate(m);
  m.torrents = std::move(torrents);
  return valid;
}

} // namespace

result<publication> read_publication(const model_id& id, std::string_view rev,
                                     std::string_view body) {
  auto doc = parse_json(body, publication_bounds);
  if (!doc.is_object())
    return bad("the body is not a JSON object, or has too many values");
  publication out;
  out.content.id = id;
  out.content.rev = rev;
  auto read = read_texts(doc, out)
                  .and_then([&] { return read_files(doc, out.content); })
                  .and_then([&] { return read_torrents(doc, out.content); })
                  .and_then([&] { return check_content(out.content); });
  if (!read)
    return tl::unexpected{read.error()};
  return out;
}

} // namespace shoal::http
