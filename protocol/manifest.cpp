// SPDX-License-Identifier: Apache-2.0
#include "protocol/manifest.hpp"

#include "core/limits.hpp"
#include "protocol/bounded_json.hpp"
#include "protocol/model_card_json.hpp"
#include "protocol/torrent_builder.hpp"

#include <algorithm>

namespace shoal {

namespace {

using nlohmann::json;

constexpr int schema_version = 1;
/// {cards: [{tags: [...]}]}, and more values for each file than we write, for later versions.
constexpr json_bounds manifest_bounds{4, 8 * limits::files_per_revision_max};

tl::unexpected<error> bad(const std::string& what) {
  return fail(ec::invalid_argument, "bad manifest: " + what);
}

result<void> validate_files(const std::vector<manifest_file>& files) {
  if (files.empty())
    return bad("no files");
  if (files.size() > limits::files_per_revision_max)
    return fail(ec::too_large, "bad manifest: too many files");
  for (size_t i = 0; i < files.size(); ++i) {
    auto& path = files[i].path;
    if (!is_safe_path(path))
      return bad("unsafe path");
    if (files[i].size_bytes > limits::object_bytes_max)
      return fail(ec::too_large, "bad manifest: size of " + path);
    if (i == 0)
      continue;
    auto& before = files[i - 1].path;
    if (!path_less(before, path))
      return bad("files are doubled or out of order: " + path);
    if (path.starts_with(before) && path[before.size()] == '/')
      return bad("a file is a folder, too: " + before);
  }
  return {};
}

result<void> validate_torrents(const std::vector<manifest_torrent>& torrents) {
  for (size_t i = 0; i < torrents.size(); ++i) {
    auto& t = torrents[i];
    if (!parse_torrent_format(t.format))
      return bad("unknown torrent format");
    if (t.v1.has_value() != (t.format != "v2") || t.v2.has_value() != (t.format != "v1"))
      return bad("info-hashes do not fit the torrent format " + t.format);
    if (i > 0 && torrents[i - 1].format >= t.format)
      return bad("torrents are doubled or out of order");
  }
  return {};
}

result<void> validate_cards(const manifest& m) {
  for (size_t i = 0; i < m.cards.size(); ++i) {
    auto& card = m.cards[i];
    if (!m.find_file(card.path))
      return bad("a card of a file that is not there");
    if (i > 0 && !path_less(m.cards[i - 1].path, card.path))
      return bad("cards are doubled or out of order");
    if (auto valid = validate(card); !valid)
      return valid;
  }
  return {};
}

// -- reading: absent and ill-typed values make `ok` false -------------------------

struct reader {
  bool ok = true;

  std::string text(const json& object, const char* key) {
    auto i = object.find(key);
    if (i == object.end() || !i->is_string()) {
      ok = false;
      return {};
    }
    return i->get_ref<const std::string&>();
  }

  uint64_t number(const json& object, const char* key) {
    auto i = object.find(key);
    if (i == object.end() || !i->is_number_unsigned()) {
      ok = false;
      return 0;
    }
    return i->get<uint64_t>();
  }

  template <class Id>
  std::optional<Id> maybe_id(const json& object, const char* key) {
    if (!object.contains(key))
      return std::nullopt;
    return id<Id>(object, key);
  }

  template <class Id>
  Id id(const json& object, const char* key) {
    auto value = Id::from_hex(text(object, key));
    ok = ok && value.has_value();
    return value.value_or(Id{});
  }

  template <class F>
  void each(const json& object, const char* key, F f) {
    auto i = object.find(key);
    if (i == object.end() || !i->is_array()) {
      ok = false;
      return;
    }
    for (auto& element : *i) {
      ok = ok && element.is_object();
      if (!ok)
        return;
      f(element);
    }
  }
};

/// What manifests did not have from the beginning.
void read_additions(reader& in, const json& doc, manifest& m) {
  auto gated = doc.find("gated");
  if (gated != doc.end()) {
    in.ok = in.ok && gated->is_boolean();
    m.is_gated = in.ok && gated->get<bool>();
  }
  if (auto card = doc.find("card"); card != doc.end()) {
    auto read = repository_card_from_json(*card);
    in.ok = in.ok && read.has_value();
    m.card = std::move(read).value_or(repository_card{});
  }
  if (!doc.contains("cards"))
    return;
  in.each(doc, "cards", [&](const json& c) {
    auto card = card_from_json(c);
    in.ok = in.ok && card.has_value();
    if (card)
      m.cards.push_back(std::move(*card));
  });
}

manifest read(reader& in, const json& doc) {
  manifest m;
  if (auto id = model_id::parse(in.text(doc, "id")))
    m.id = std::move(*id);
  m.rev = in.text(doc, "rev");
  m.kind = in.text(doc, "kind");
  auto is_private = doc.find("private");
  in.ok = in.ok && is_private != doc.end() && is_private->is_boolean();
  m.is_private = in.ok && is_private->get<bool>();
  in.each(doc, "files", [&](const json& f) {
    m.files.push_back({in.text(f, "path"), in.number(f, "size"), in.id<sha256_digest>(f, "sha256"),
                       in.maybe_id<sha256_digest>(f, "pieces_root"),
                       in.maybe_id<sha1_digest>(f, "git_blob")});
  });
  in.each(doc, "torrents", [&](const json& t) {
    m.torrents.push_back({in.text(t, "format"), in.maybe_id<info_hash>(t, "v1_info_hash"),
                          in.maybe_id<sha256_digest>(t, "v2_info_hash"),
                          in.id<sha256_digest>(t, "object")});
  });
  read_additions(in, doc, m);
  return m;
}

} // namespace

uint64_t manifest::total_size_bytes() const {
  uint64_t total = 0;
  for (auto& file : files)
    total += file.size_bytes;
  return total;
}

const manifest_torrent* manifest::find_torrent(std::string_view format) const {
  auto i = std::find_if(torrents.begin(), torrents.end(),
                        [&](auto& torrent) { return torrent.format == format; });
  return i == torrents.end() ? nullptr : &*i;
}

const manifest_file* manifest::find_file(std::string_view path) const {
  auto i = std::lower_bound(files.begin(), files.end(), path,
                            [](auto& file, auto wanted) { return path_less(file.path, wanted); });
  return i == files.end() || i->path != path ? nullptr : &*i;
}

const model_card* manifest::find_card(std::string_view path) const {
  auto i = std::lower_bound(cards.begin(), cards.end(), path,
                            [](auto& one, auto wanted) { return path_less(one.path, wanted); });
  return i == cards.end() || i->path != path ? nullptr : &*i;
}

repository_profile profile_of(const manifest& m, const repository_card& card) {
  return profile_of(card, [&](std::string_view path) { return m.find_file(path) != nullptr; });
}

void normalize(manifest& m) {
  std::sort(m.cards.begin(), m.cards.end(),
            [](auto& left, auto& right) { return path_less(left.path, right.path); });
  std::sort(m.files.begin(), m.files.end(),
            [](auto& left, auto& right) { return path_less(left.path, right.path); });
  std::sort(m.torrents.begin(), m.torrents.end(),
            [](auto& left, auto& right) { return left.format < right.format; });
}

result<void> validate(const manifest& m) {
  if (model_id::parse(m.id.str()) != m.id)
    return bad("bad id");
  if (!is_revision(m.rev))
    return bad("bad revision");
  if (m.kind != "model" && m.kind != "dataset" && m.kind != "space")
    return bad("unknown kind");
  return validate_files(m.files)
      .and_then([&] { return validate_torrents(m.torrents); })
      .and_then([&] { return validate_cards(m); });
}

std::string encode_manifest(const manifest& m) {
  auto files = json::array();
  for (auto& f : m.files) {
    json entry{{"path", f.path}, {"size", f.size_bytes}, {"sha256", f.sha256.hex()}};
    if (f.pieces_root)
      entry["pieces_root"] = f.pieces_root->hex();
    if (f.git_blob)
      entry["git_blob"] = f.git_blob->hex();
    files.push_back(std::move(entry));
  }
  auto torrents = json::array();
  for (auto& t : m.torrents) {
    json entry{{"format", t.format}, {"object", t.object.hex()}};
    if (t.v1)
      entry["v1_info_hash"] = t.v1->hex();
    if (t.v2)
      entry["v2_info_hash"] = t.v2->hex();
    torrents.push_back(std::move(entry));
  }
  json doc{{"files", std::move(files)}, {"id", m.id.str()}, {"kind", m.kind},
           {"private", m.is_private},   {"rev", m.rev},     {"torrents", std::move(torrents)},
           {"version", schema_version}};
  // As it was before there were these, so that revisions without them keep their names.
  if (m.is_gated)
    doc["gated"] = true;
  for (auto& card : m.cards)
    doc["cards"].push_back(to_json(card));
  if (!m.card.is_empty())
    doc["card"] = to_json(m.card);
  return doc.dump(); // Keys of nlohmann's objects are sorted.
}

result<manifest> decode_manifest(std::string_view bytes) {
  if (bytes.size() > limits::manifest_bytes_max)
    return fail(ec::too_large, "the manifest");
  const auto doc = parse_json(bytes, manifest_bounds);
  if (!doc.is_object())
    return bad("not a JSON object");
  reader in;
  if (in.number(doc, "version") != schema_version)
    return bad("unknown version");
  auto m = read(in, doc);
  if (!in.ok)
    return bad("a value is missing or has the wrong type");
  if (auto ok = validate(m); !ok)
    return tl::make_unexpected(ok.error());
  return m;
}

} // namespace shoal
