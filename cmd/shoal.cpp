// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"

#include <curl/curl.h>

#include <cstdlib>

using namespace shoal::cli;

namespace {

constexpr auto footer_text = "Exit codes:\n"
                             "  0  done\n"
                             "  1  the server said no\n"
                             "  2  wrong usage, or the server cannot be reached\n"
                             "  3  trouble with local files\n"
                             "  130  interrupted; `get` goes on where it was\n";

void add_global_options(CLI::App& app, context& ctx) {
  app.add_option("--server,--base-url", ctx.server,
                 "Where the server is; several with commas: the first that answers")
      ->envname("SHOAL_SERVER")
      ->type_name("URL")
      ->capture_default_str();
  if (const char* key = std::getenv("REGISTRY_KEY"); key != nullptr)
    ctx.key = key;
  app.add_option("--key", ctx.key, "Key for what changes something; also REGISTRY_KEY")
      ->envname("SHOAL_KEY")
      ->type_name("KEY");
  app.add_flag("--json", ctx.json, "Print JSON, no progress bars");
  app.add_flag("-q,--quiet", ctx.quiet, "No progress bars");
  app.set_version_flag("--version", "shoal " SHOAL_VERSION);
}

} // namespace

int main(int argc, char** argv) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CLI::App app("Publish and find models and datasets that are shared over BitTorrent", "shoal");
  context ctx;
  add_global_options(app, ctx);
  app.require_subcommand(1);
  app.fallthrough(); // Global options may follow the command.
  app.footer(footer_text);
  for (auto add : {add_publish, add_get, add_seed, add_preheat, add_verify, add_search, add_show,
                   add_torrent, add_magnet, add_rm, add_catalog, add_webseed, add_torrentify,
                   add_status, add_passkey, add_cluster, add_migrate, add_completion})
    add(app, ctx);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& err) {
    return app.exit(err) == 0 ? 0 : static_cast<int>(exit_code::usage);
  }
  return static_cast<int>(ctx.result);
}
