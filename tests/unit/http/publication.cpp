// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.publication

#include "http/dialects/publication.hpp"

#include "core/limits.hpp"
#include "protocol/digest.hpp"
#include "protocol/manifest_torrent.hpp"

#include <caf/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace shoal;
using namespace shoal::http;
using nlohmann::json;

namespace {

const auto digest = sha256("x");
const model_id id{"ns", "name"};

json body() {
  return {{"publisher", "me"},
          {"tags", "a,b"},
          {"files",
           {{{"path", "b"}, {"size", 2}, {"sha256", digest.hex()}},
            {{"path", "a/c"}, {"size", 0}, {"sha256", digest.hex()}}}},
          {"torrents", {{{"format", "v1"}, {"object", digest.hex()}}}}};
}

result<publication> read(const json& doc) {
  return read_publication(id, "v1", doc.dump());
}

/// What is wrong with a body in which `change` was made.
template <class Change>
std::string refusal(Change change) {
  auto doc = body();
  change(doc);
  auto made = read(doc);
  return made ? "" : to_string(made.error());
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// A torrent of exactly the files of `body`.
metainfo fitting() {
  metainfo info;
  info.name = "v1";
  info.v1 = info_hash{{1}};
  info.files = {{"a/c", 0, false, {}}, {"b", 2, false, {}}};
  return info;
}

result<void> adopt(const metainfo& info, std::string format = "v1") {
  auto m = read(body())->content;
  m.torrents.front().format = std::move(format);
  return adopt_torrent(m, m.torrents.front(), info);
}

manifest with_torrents(std::vector<manifest_torrent> torrents) {
  manifest m;
  m.torrents = std::move(torrents);
  return m;
}

const manifest_torrent hybrid{"hybrid", info_hash{{1}}, sha256_digest{{2}}, digest};
const manifest_torrent v1{"v1", info_hash{{3}}, {}, sha256("v1")};
const manifest_torrent v2{"v2", {}, sha256_digest{{4}}, digest};

} // namespace

CAF_TEST(a body becomes a manifest in order) {
  auto made = read(body());
  CAF_REQUIRE(made.has_value());
  CAF_CHECK_EQUAL(made->publisher, "me");
  CAF_CHECK_EQUAL(made->tags, "a,b");
  auto& m = made->content;
  CAF_CHECK_EQUAL(m.id.str(), "ns/name");
  CAF_CHECK_EQUAL(m.rev, "v1");
  CAF_CHECK_EQUAL(m.kind, "model");
  CAF_CHECK(!m.is_private);
  CAF_REQUIRE_EQUAL(m.files.size(), 2u);
  CAF_CHECK_EQUAL(m.files[0].path, "a/c");
  CAF_CHECK_EQUAL(m.files[1].size_bytes, 2u);
  CAF_CHECK(m.torrents.front().object == digest);
}

CAF_TEST(each field is named when it is wrong) {
  CAF_CHECK(has(refusal([](json& d) { d.erase("files"); }), "files"));
  CAF_CHECK(has(refusal([](json& d) { d["files"] = json::array(); }), "files"));
  CAF_CHECK(has(refusal([](json& d) { d["files"][1] = 7; }), "files[1]"));
  CAF_CHECK(
      has(refusal([](json& d) { d["files"][1].erase("path"); }), "files[1]: bad or missing path"));
  CAF_CHECK(
      has(refusal([](json& d) { d["files"][0]["size"] = -1; }), "files[0]: bad or missing size"));
  CAF_CHECK(has(refusal([](json& d) { d["files"][0]["size"] = 1.5; }), "size"));
  CAF_CHECK(has(refusal([](json& d) { d["files"][0]["sha256"] = "00"; }), "sha256"));
  CAF_CHECK(has(refusal([](json& d) { d.erase("torrents"); }), "torrents"));
  CAF_CHECK(has(refusal([](json& d) { d["torrents"][0]["format"] = "v3"; }), "format"));
  CAF_CHECK(has(refusal([](json& d) { d["torrents"][0]["object"] = 1; }), "object"));
  CAF_CHECK(has(refusal([](json& d) { d["license"] = 1; }), "license"));
  CAF_CHECK(has(refusal([](json& d) { d["private"] = "no"; }), "private"));
  CAF_CHECK(has(refusal([](json& d) { d["kind"] = "spaceship"; }), "kind"));
  CAF_CHECK(has(refusal([](json& d) {
                  d["description"] = std::string(limits::text_field_bytes_max + 1, 'x');
                }),
                "description"));
}

CAF_TEST(paths are safe and unique) {
  for (auto path : {"", "/a", "../a", "a//b", "a/./b", "b"})
    CAF_CHECK(!refusal([&](json& d) { d["files"][1]["path"] = path; }).empty());
  CAF_CHECK(!refusal([](json& d) { d["files"][0]["path"] = "a"; }).empty()); // File and folder.
}

CAF_TEST(a format is there once and hybrids contain v2) {
  auto add = [](json& d, const char* format) {
    d["torrents"].push_back({{"format", format}, {"object", digest.hex()}});
  };
  CAF_CHECK_EQUAL(refusal([&](json& d) { add(d, "hybrid"); }), "");
  CAF_CHECK_EQUAL(refusal([&](json& d) { add(d, "v2"); }), "");
  CAF_CHECK(!refusal([&](json& d) { add(d, "v1"); }).empty());
  CAF_CHECK(has(refusal([&](json& d) { add(d, "hybrid"), add(d, "v2"); }), "hybrid"));
}

CAF_TEST(what is no such document is refused) {
  for (auto text : {"", "[]", "7", "{", "{\"files\":[[[[1]]]]}", "\xff"})
    CAF_CHECK(!read_publication(id, "v1", text));
  std::string many = "{\"files\":[";
  for (size_t i = 0; i < 8 * limits::files_per_revision_max; ++i)
    many += "0,";
  CAF_CHECK(!read_publication(id, "v1", many + "0]}"));
}

CAF_TEST(a torrent of the same files is taken) {
  CAF_CHECK(adopt(fitting()));
  auto padded = fitting();
  padded.files.push_back({".pad/14", 14, true, {}});
  CAF_CHECK(adopt(padded));
}

CAF_TEST(a torrent of anything else is refused) {
  auto refused = [](auto change) {
    auto info = fitting();
    change(info);
    return !adopt(info).has_value();
  };
  CAF_CHECK(refused([](auto& t) { t.name = "v2"; }));
  CAF_CHECK(refused([](auto& t) { t.is_private = true; }));
  CAF_CHECK(refused([](auto& t) { t.v2 = digest; }));
  CAF_CHECK(refused([](auto& t) { t.files.pop_back(); }));
  CAF_CHECK(refused([](auto& t) { t.files.push_back({"more", 1, false, {}}); }));
  CAF_CHECK(refused([](auto& t) { t.files[1].size_bytes = 3; }));
  CAF_CHECK(refused([](auto& t) { t.files[1].path = "B"; }));
  CAF_CHECK(refused([](auto& t) { t.files[1] = t.files[0]; }));
  CAF_CHECK(!adopt(fitting(), "hybrid"));
}

CAF_TEST(roots come from the torrent) {
  auto m = read(body())->content;
  auto info = fitting();
  info.v2 = digest;
  info.files[1].pieces_root = sha256("root");
  m.torrents.front().format = "hybrid";
  CAF_REQUIRE(adopt_torrent(m, m.torrents.front(), info));
  CAF_CHECK(!m.files[0].pieces_root);
  CAF_CHECK(m.files[1].pieces_root == sha256("root"));
  CAF_CHECK(m.torrents.front().v2 == digest);
  CAF_CHECK(m.torrents.front().v1 == info.v1);
}

CAF_TEST(the v1 torrent is the twin of whatever knows v2) {
  auto both = entry_hashes(with_torrents({hybrid, v1}));
  CAF_CHECK(both == (torrent_hashes{hybrid.v2, hybrid.v1, v1.v1}));
  CAF_CHECK(entry_hashes(with_torrents({v1, v2})) == (torrent_hashes{v2.v2, {}, v1.v1}));
  CAF_CHECK(entry_hashes(with_torrents({v1})) == (torrent_hashes{{}, v1.v1, {}}));
  CAF_CHECK(entry_hashes(with_torrents({hybrid})) == (torrent_hashes{hybrid.v2, hybrid.v1, {}}));
}

CAF_TEST(the registry gets the torrents under their names) {
  auto made = *read(body());
  made.content.torrents = {hybrid, v1};
  auto message = to_message(made, sha256("manifest"));
  CAF_CHECK_EQUAL(message.entry.name, "ns/name@v1");
  CAF_CHECK_EQUAL(message.entry.model_ref, "ns/name@v1");
  CAF_CHECK_EQUAL(message.entry.size_bytes, 2u);
  CAF_CHECK(message.entry.torrent_object == hybrid.object);
  CAF_CHECK(message.entry.twin_torrent_object == v1.object);
  CAF_CHECK_EQUAL(message.what.entry_key, message.entry.hashes.primary_key());
  CAF_CHECK(message.what.manifest == sha256("manifest"));
  made.content.torrents = {v1};
  auto alone = to_message(made, sha256("manifest"));
  CAF_CHECK(alone.entry.torrent_object == v1.object);
  CAF_CHECK(!alone.entry.twin_torrent_object);
}
