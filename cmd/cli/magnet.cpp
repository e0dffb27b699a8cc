// SPDX-License-Identifier: Apache-2.0
#include "protocol/magnet.hpp"

#include "cmd/cli/commands.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/target.hpp"
#include "protocol/metainfo.hpp"

#include <fmt/format.h>

namespace shoal::cli {

namespace {

struct magnet_options {
  target_options about;
  std::string format;
};

/// The link made of the .torrent file, which has all that a link can say.
outcome<std::string> from_torrent(http_client& client, const target& about,
                                  const std::string& format) {
  http_request request;
  request.path = about.torrent_path(format);
  auto answer = client.send_ok(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  const auto info = parse_metainfo(answer->body);
  if (!info)
    return refuse(exit_code::refused, answer->url + ": " + to_string(info.error()));
  return build_magnet({info->v1, info->v2, info->name, info->trackers, info->web_seeds, {}});
}

/// The link of an entry that was registered without a .torrent file.
outcome<std::string> from_entry(http_client& client, const target& about) {
  auto entry = client.fetch_json("/api/registry" + query_string({{"info_hash", about.hash}}));
  if (!entry)
    return tl::unexpected<failure>(entry.error());
  magnet_link link;
  link.display_name = member_text(*entry, "name");
  for (auto key : {"info_hash", "v1_info_hash"}) {
    const auto hex = member_text(*entry, key);
    if (auto v1 = info_hash::from_hex(hex))
      link.v1 = *v1;
    if (auto v2 = sha256_digest::from_hex(hex))
      link.v2 = *v2;
  }
  return build_magnet(link);
}

outcome<std::string> find_magnet(http_client& client, const target& about,
                                 const std::string& format) {
  if (!about.is_hash() && format.empty()) {
    auto model = client.fetch_json(about.api_path());
    if (!model)
      return tl::unexpected<failure>(model.error());
    if (auto uri = member_text(*model, "magnetUri"); !uri.empty())
      return uri;
  }
  auto link = from_torrent(client, about, format);
  if (!link && link.error().http_status == 404 && about.is_hash() && format.empty())
    return from_entry(client, about);
  return link;
}

outcome<void> run(const context& ctx, const magnet_options& options) {
  auto client = ctx.client();
  auto about = resolve(options.about, client);
  if (!about)
    return tl::unexpected<failure>(about.error());
  auto link = find_magnet(client, *about, options.format);
  if (!link)
    return tl::unexpected<failure>(link.error());
  if (ctx.json)
    print_json({{"magnet", *link}});
  else
    fmt::print("{}\n", *link);
  return {};
}

} // namespace

void add_magnet(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("magnet", "Print the magnet link of a revision");
  auto options = std::make_shared<magnet_options>();
  options->about.add_to(*command, true);
  command->add_option("--format", options->format, "hybrid, v1 or v2 (default: the server's)")
      ->check(CLI::IsMember({"hybrid", "v1", "v2"}));
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
