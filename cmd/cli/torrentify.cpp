// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/content.hpp"
#include "cmd/cli/local_file.hpp"
#include "cmd/cli/output.hpp"
#include "protocol/magnet.hpp"
#include "protocol/metainfo.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace shoal::cli {

namespace {

struct torrentify_options {
  content_options content;
  std::string name;
  std::string comment;
  std::string output;
};

std::string default_name(const std::string& path) {
  std::error_code err;
  return std::filesystem::canonical(path, err).filename().string();
}

void report(const context& ctx, const metainfo& info, const std::string& output) {
  if (output == "-")
    return;
  const auto magnet
      = build_magnet({info.v1, info.v2, info.name, info.trackers, info.web_seeds, {}});
  if (ctx.json) {
    nlohmann::json doc{{"file", output},
                       {"name", info.name},
                       {"size", info.total_size_bytes},
                       {"piece_length", info.piece_length_bytes},
                       {"piece_count", info.piece_count},
                       {"magnet", magnet}};
    if (info.v1)
      doc["v1_info_hash"] = info.v1->hex();
    if (info.v2)
      doc["v2_info_hash"] = info.v2->hex();
    print_json(doc);
    return;
  }
  fmt::print("{}: {}, {} pieces of {}\n", safe_text(output), human_size(info.total_size_bytes),
             info.piece_count, human_size(info.piece_length_bytes));
  if (info.v1)
    fmt::print("v1 {}\n", info.v1->hex());
  if (info.v2)
    fmt::print("v2 {}\n", info.v2->hex());
  fmt::print("{}\n", magnet);
}

outcome<void> run(const context& ctx, const torrentify_options& options) {
  auto formats = options.content.formats();
  if (formats.empty())
    formats = {torrent_format::hybrid};
  if (formats.size() > 1)
    return refuse(exit_code::usage, "one of --hybrid, --v1 and --v2: this makes one file");
  const auto name = options.name.empty() ? default_name(options.content.path) : options.name;
  const auto output = options.output.empty() ? name + ".torrent" : options.output;
  auto hashed = hash_content(ctx, options.content);
  if (!hashed)
    return tl::unexpected<failure>(hashed.error());
  auto torrent
      = make_torrent(hashed->content, formats.front(), options.content, name, options.comment);
  if (!torrent)
    return tl::unexpected<failure>(torrent.error());
  const auto info = parse_metainfo(*torrent);
  if (!info)
    return local_trouble(info.error());
  if (auto ok = write_file(output, *torrent); !ok)
    return ok;
  report(ctx, *info, output);
  return {};
}

} // namespace

void add_torrentify(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("torrentify", "Make a .torrent file; needs no server");
  auto options = std::make_shared<torrentify_options>();
  options->content.add_to(*command);
  command->add_option("--name", options->name,
                      "The folder that clients make (default: the name of PATH)");
  command->add_option("--comment", options->comment, "A comment inside the .torrent file");
  command->add_option("-o,--output", options->output,
                      "Save it here; - is stdout (default: NAME.torrent)");
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
