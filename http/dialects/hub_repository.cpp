// SPDX-License-Identifier: Apache-2.0
// Repositories that are made and removed through Hugging Face's API.
#include "core/base64.hpp"
#include "http/dialects/announce_access.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/hub_commit.hpp"
#include "http/dialects/hub_upload.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/json_body.hpp"

namespace shoal::http {

namespace {

using document = nlohmann::json;

/// A body as Hugging Face's `POST /api/repos/create` has it.
struct wanted_repository {
  hub_base base;
  std::vector<std::pair<std::string, std::string>> texts; ///< Paths and contents.
};

hub_result<model_id> repository_id(const exchange& ex, const document& doc) {
  auto name = field_of(doc, "name");
  auto owner = field_of(doc, "organization");
  if (name.find('/') == std::string::npos) {
    if (owner.empty())
      owner = user_of_token(ex).value_or("publisher"); // As /api/whoami-v2 calls the asker.
    name = owner + "/" + name;
  }
  auto id = model_id::parse(name);
  if (!id)
    return tl::unexpected{refused(400, "No repository can be called so: " + name)};
  return *id;
}

hub_result<std::string> kind_in(const document& doc) {
  auto kind = field_of(doc, "type");
  if (kind.empty() || kind == "model" || kind == "dataset" || kind == "space")
    return kind.empty() ? "model" : kind;
  return tl::unexpected{refused(400, "No repositories are of the type " + kind)};
}

/// The files that the client wants to have from the beginning.
hub_result<void> add_texts(const document& doc, wanted_repository& to) {
  auto files = doc.find("files");
  if (files == doc.end() || !files->is_array())
    return {};
  for (auto& file : *files) {
    auto content = file.is_object() ? base64_decode(field_of(file, "content")) : std::nullopt;
    auto path = file.is_object() ? field_of(file, "path") : std::string{};
    if (!content || !is_safe_path(path))
      return tl::unexpected{refused(400, "files: a path or its content is wrong: " + path)};
    to.texts.emplace_back(std::move(path), std::move(*content));
  }
  return {};
}

hub_result<wanted_repository> read_wanted(const exchange& ex, const document& doc) {
  auto id = repository_id(ex, doc);
  auto kind = kind_in(doc);
  if (!id || !kind)
    return tl::unexpected{id ? kind.error() : id.error()};
  wanted_repository made;
  made.base.id = std::move(*id);
  made.base.kind = std::move(*kind);
  auto flag = doc.find("private");
  made.base.is_private = field_of(doc, "visibility") == "private"
                         || (flag != doc.end() && flag->is_boolean() && flag->get<bool>());
  made.base.about.license = field_of(doc, "license");
  made.texts.emplace_back(".gitattributes", git_attributes());
  if (auto& license = made.base.about.license; !license.empty())
    made.texts.emplace_back("README.md", "---\nlicense: " + license + "\n---\n");
  if (auto added = add_texts(doc, made); !added)
    return tl::unexpected{added.error()};
  return made;
}

task<hub_reply> create(exchange& ex) {
  if (auto why = cannot_write(ex))
    co_return tl::unexpected{std::move(*why)};
  auto doc = co_await read_object(ex);
  if (!doc)
    co_return tl::unexpected{std::move(doc.error())};
  auto wanted = read_wanted(ex, *doc);
  if (!wanted)
    co_return tl::unexpected{std::move(wanted.error())};
  auto id = wanted->base.id.str();
  auto kind = wanted->base.kind;
  auto url = ex.base_url() + "/" + std::string{path_prefix(kind)} + id;
  auto exists = [&] {
    document taken{{"error", "You already created this " + kind + " repo: " + id}, {"url", url}};
    return json(409, dump_json(taken));
  };
  auto known = co_await find_repository(ex, id, kind);
  if (known)
    co_return exists();
  auto* objects = &ex.node().objects();
  std::vector<hub_change> changes;
  auto store = [&]() -> result<void> {
    for (auto& [path, content] : wanted->texts) {
      auto file = store_text(*objects, path, content);
      if (!file)
        return tl::unexpected{file.error()};
      changes.emplace_back(std::move(*file));
    }
    return {};
  };
  auto stored = co_await ex.on_disk(store);
  if (!stored)
    co_return tl::unexpected{change_trouble(stored.error())};
  // At the beginning of time, so that of two who create it at once both make the same.
  hub_commit_head note;
  note.summary = "Create " + kind + " " + id;
  auto made
      = co_await make_commit(ex, std::move(wanted->base), std::move(changes), std::move(note), 0);
  if (!made && made.error().code == ec::conflict)
    co_return exists();
  if (!made)
    co_return tl::unexpected{change_trouble(made.error())};
  co_return json(200, dump_json(document{{"url", url}, {"name", id}, {"id", id}}));
}

task<hub_reply> remove(exchange& ex) {
  if (auto why = cannot_write(ex))
    co_return tl::unexpected{std::move(*why)};
  auto doc = co_await read_object(ex);
  if (!doc)
    co_return tl::unexpected{std::move(doc.error())};
  auto id = repository_id(ex, *doc);
  auto kind = kind_in(*doc);
  if (!id || !kind)
    co_return tl::unexpected{id ? std::move(kind.error()) : std::move(id.error())};
  auto found = co_await find_repository(ex, id->str(), *kind);
  if (!found)
    co_return tl::unexpected{std::move(found.error())};
  for (auto& x : found->revisions) {
    auto& shard = shard_of(ex, x.entry_key);
    remove_revision ask{x.id, x.rev};
    auto gone = co_await ex.ask<atom::clear>(shard, std::move(ask));
    if (!gone && gone.error().code != ec::not_found)
      co_return tl::unexpected{change_trouble(gone.error())};
  }
  co_return json(200, "{}");
}

} // namespace

task<> hub_create(exchange& ex) {
  auto reply = co_await create(ex);
  co_await send_hub(ex, std::move(reply), hub_body::json);
}

task<> hub_delete(exchange& ex) {
  auto reply = co_await remove(ex);
  co_await send_hub(ex, std::move(reply), hub_body::json);
}

} // namespace shoal::http
