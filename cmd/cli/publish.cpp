// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/content.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/uploader.hpp"
#include "protocol/model_id.hpp"

#include <fmt/format.h>

namespace shoal::cli {

namespace {

using nlohmann::json;

struct publish_options {
  content_options content;
  std::string name;
  std::string rev;
  std::string kind = "model";
  std::string publisher;
  std::string license;
  std::string category;
  std::string tags;
  std::string description;
  bool is_gated = false;
  bool in_place = false;
};

/// The torrents of one revision: what the server is told, and the objects to send.
struct made_torrents {
  json list = json::array();
  std::vector<local_object> objects;
};

outcome<made_torrents> make_torrents(const publish_options& options,
                                     const torrent_content& content) {
  auto formats = options.content.formats();
  // Common clients cannot read hybrids, so those have a v1 sibling (issue 2 section 2).
  if (formats.empty())
    formats = {torrent_format::hybrid, torrent_format::v1};
  made_torrents out;
  for (auto format : formats) {
    auto torrent = make_torrent(content, format, options.content, options.rev, "");
    if (!torrent)
      return tl::unexpected<failure>(torrent.error());
    const auto hash = sha256(*torrent);
    out.list.push_back({{"format", name(format)}, {"object", hash.hex()}});
    out.objects.push_back({hash, torrent->size(), "", std::move(*torrent)});
  }
  return out;
}

json describe(const publish_options& options, const torrent_content& content, json torrents) {
  auto files = json::array();
  for (auto& file : content.files)
    files.push_back(
        {{"path", file.path}, {"size", file.size_bytes}, {"sha256", file.sha256.hex()}});
  json doc{{"kind", options.kind},
           {"private", options.content.is_private},
           {"files", std::move(files)},
           {"torrents", std::move(torrents)}};
  if (options.is_gated)
    doc["gated"] = true;
  for (auto [key, value] :
       {std::pair{"publisher", &options.publisher}, std::pair{"license", &options.license},
        std::pair{"category", &options.category}, std::pair{"tags", &options.tags},
        std::pair{"description", &options.description}})
    if (!value->empty())
      doc[key] = *value;
  return doc;
}

/// A cluster copies first, and says every 45 s that it is not done. More than that comes between
/// nodes in that time, if they have a gigabit.
int rounds_to_copy(uint64_t bytes) {
  constexpr uint64_t bytes_per_round = uint64_t{4} << 30;
  return 12 + static_cast<int>(std::min<uint64_t>(bytes / bytes_per_round, 10'000));
}

outcome<json> register_revision(http_client& client, const publish_options& options,
                                const json& doc, uint64_t bytes) {
  http_request request;
  request.method = "PUT";
  request.path = "/api/v1/models/" + options.name + "/revs/" + options.rev;
  request.body = doc.dump();
  request.busy_retries = rounds_to_copy(bytes);
  auto answer = client.send_ok(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  auto reply = json::parse(answer->body, nullptr, false);
  if (!reply.is_object())
    return refuse(exit_code::refused, "the answer is no JSON object: " + answer->url);
  return reply;
}

void report(const publish_options& options, const hashed_folder& hashed,
            const upload_summary& uploaded, const json& reply) {
  const auto count = hashed.content.files.size();
  fmt::print("published {}@{}: {} in {} file{}, {} uploaded{}\n", options.name, options.rev,
             human_size(hashed.content.total_size_bytes()), count, count == 1 ? "" : "s",
             human_size(uploaded.bytes), options.in_place ? ", the files stay in place" : "");
  for (auto& torrent : reply.value("torrents", json::array())) {
    fmt::print("\n{}\n", member_text(torrent, "format"));
    for (auto key : {"info_hash", "v1_info_hash", "torrent_url", "magnet"})
      if (const auto value = member_text(torrent, key); !value.empty())
        fmt::print("  {:<13} {}\n", key, value);
  }
  if (const auto url = member_text(reply, "web_url"); !url.empty())
    fmt::print("\n{}\n", url);
}

outcome<void> run(const context& ctx, const publish_options& options) {
  if (!model_id::parse(options.name))
    return refuse(exit_code::usage, "--name must be NS/NAME of [A-Za-z0-9._-]");
  if (!is_revision(options.rev))
    return refuse(exit_code::usage, "--rev must be 1 to 128 of [A-Za-z0-9._-], no dot in front");
  auto hashed = hash_content(ctx, options.content);
  if (!hashed)
    return tl::unexpected<failure>(hashed.error());
  auto torrents = make_torrents(options, hashed->content);
  if (!torrents)
    return tl::unexpected<failure>(torrents.error());
  auto objects = std::move(torrents->objects);
  for (size_t i = 0; i < hashed->content.files.size(); ++i)
    objects.push_back({hashed->content.files[i].sha256, hashed->content.files[i].size_bytes,
                       hashed->listing.files[i].source, ""});
  auto client = ctx.client();
  auto uploaded = upload(ctx, client, std::move(objects), options.in_place);
  if (!uploaded)
    return tl::unexpected<failure>(uploaded.error());
  auto reply = register_revision(client, options,
                                 describe(options, hashed->content, std::move(torrents->list)),
                                 hashed->content.total_size_bytes());
  if (!reply)
    return tl::unexpected<failure>(reply.error());
  if (ctx.json) {
    (*reply)["upload"] = {{"objects", uploaded->objects}, {"bytes", uploaded->bytes}};
    if (options.in_place)
      (*reply)["in_place"]
          = {{"objects", uploaded->in_place_objects}, {"bytes", uploaded->in_place_bytes}};
    print_json(*reply);
  } else {
    report(options, *hashed, *uploaded, *reply);
  }
  return {};
}

} // namespace

void add_publish(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("publish", "Publish a folder or a file as a revision");
  command->footer(
      "Makes a hybrid and a v1 torrent unless told which. Running it again is harmless: "
      "what the server has is not sent twice.");
  auto options = std::make_shared<publish_options>();
  options->content.add_to(*command);
  command->add_option("--name", options->name, "Model id")->required()->type_name("NS/NAME");
  command->add_option("--rev", options->rev, "Revision, e.g. v1; also the folder that clients make")
      ->required();
  command->add_option("--kind", options->kind, "model, dataset or space")
      ->check(CLI::IsMember({"model", "dataset", "space"}))
      ->capture_default_str();
  command->add_flag("--in-place", options->in_place,
                    "Copy no files: the server, on this machine, serves them from where they are");
  command->add_option("--publisher", options->publisher, "Who publishes it");
  command->add_option("--license", options->license, "Licence, e.g. Apache-2.0");
  command->add_flag("--gated", options->is_gated,
                    "Hand files out only to those who have accepted the licence");
  command->add_option("--category", options->category, "Category, e.g. models");
  command->add_option("--tags", options->tags, "Tags, comma-separated");
  command->add_option("--description", options->description, "A description");
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
