// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/get_job.hpp"
#include "cmd/cli/interrupt.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/session_flags.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace shoal::cli {

namespace {

/// Asks the swarm what a magnet link means.
outcome<get_source> follow_magnet(const get_options& options, const std::string& link,
                                  download_view& view) {
  auto folder = std::filesystem::temp_directory_path();
  get::torrent_session session(options.session);
  if (auto added = session.add_magnet(link, folder.string()); !added)
    return refuse(exit_code::usage, to_string(added.error()));
  view.note("looking for peers that know the torrent");
  const auto until
      = std::chrono::steady_clock::now() + std::chrono::seconds(options.stall_timeout_s);
  std::string trouble;
  while (std::chrono::steady_clock::now() < until) {
    if (interrupted())
      return interruption();
    auto events = session.wait(std::chrono::milliseconds(200));
    if (events.metadata) {
      auto source = source_of(std::move(*events.metadata));
      source.links = get::links_of_magnet(link);
      session.stop();
      return source;
    }
    if (!events.disk_trouble.empty())
      return refuse(exit_code::refused, events.disk_trouble);
    if (!events.trouble.empty())
      trouble = events.trouble;
  }
  return refuse(exit_code::unreachable, std::string("nobody knows the torrent")
                                            + (trouble.empty() ? "" : ": ") + safe_text(trouble));
}

outcome<get_source> find_source(const context& ctx, const get_options& options, http_client& client,
                                download_view& view) {
  const auto& what = options.what.positional;
  if (what.starts_with("magnet:"))
    return options.no_peers ? refuse(exit_code::usage, "a magnet link needs peers")
                            : follow_magnet(options, what, view);
  if (what.ends_with(".torrent"))
    return options.no_peers ? refuse(exit_code::usage, "a .torrent file needs peers or web seeds")
                            : read_torrent_file(what);
  return find_revision(ctx, client, options.what);
}

/// @returns whether the job is concluded, and seeded from as long as the user wanted.
outcome<bool> fetch(const context& ctx, const get_options& options, get_job& job,
                    download_view& view) {
  if (auto room = job.check_room(); !room)
    return tl::unexpected<failure>(room.error());
  bool complete = false;
  if (job.source().torrent && !options.no_peers) {
    auto fetched = fetch_from_swarm(ctx, options, job, view);
    if (!fetched)
      return tl::unexpected<failure>(fetched.error());
    if (*fetched && options.seeds)
      return true;
    complete = *fetched;
    if (!complete)
      view.note("nothing comes from peers and web seeds; going on over plain HTTP");
  }
  if (!complete)
    if (auto done = fetch_over_http(ctx, options, job, view); !done)
      return tl::unexpected<failure>(done.error());
  return false;
}

outcome<void> run(const context& ctx, const get_options& options) {
  if (options.seeds && options.no_peers)
    return refuse(exit_code::usage, "--seed needs peers");
  catch_interrupts();
  download_view view(ctx);
  auto client = ctx.client();
  client.send_key_always();
  client.stop_when(interrupted());
  auto source = find_source(ctx, options, client, view);
  if (interrupted())
    return interruption();
  if (!source)
    return tl::unexpected<failure>(source.error());
  if (auto checked = check_signature(client, *source, options.signature, view); !checked)
    return checked;
  if (options.seeds && !source->torrent)
    return refuse(exit_code::refused, source->title + " has no torrent to seed");
  std::optional<get::hub_names> names;
  if (options.to_hub_cache) {
    if (!source->what)
      return refuse(exit_code::usage, "--hf-cache needs NS/NAME, which names the cache's folder");
    auto asked = fetch_hub_names(client, *source);
    if (!asked)
      return tl::unexpected<failure>(asked.error());
    names = std::move(*asked);
  }
  auto job = get_job::open(ctx, options, std::move(*source), std::move(names));
  if (!job)
    return tl::unexpected<failure>(job.error());
  view.event({{"event", "start"},
              {"title", job->source().title},
              {"files", job->files().size()},
              {"total_bytes", job->total_bytes()}});
  if (auto found = job->find_existing(view); !found)
    return found;
  if (auto made = job->make_empty_files(view); !made)
    return made;
  if (!job->is_complete()) {
    auto concluded = fetch(ctx, options, *job, view);
    if (!concluded)
      return tl::unexpected<failure>(concluded.error());
    if (*concluded)
      return {};
  }
  if (auto done = conclude(ctx, *job, view); !done)
    return done;
  return options.seeds ? keep_seeding(ctx, options, *job, view) : outcome<void>{};
}

void add_places(CLI::App& command, get_options& options) {
  auto* to = command.add_option("--to", options.to, "The files' folder (default: NAME)")
                 ->type_name("DIR");
  command
      .add_option("--hf-cache", options.hub_cache_folder,
                  "Fill the cache of Hugging Face's clients (default: where they look)")
      ->type_name("[DIR]")
      ->expected(0, 1)
      ->excludes(to);
  command.add_option("--exclude", options.files.exclude, "No files like this; may be repeated")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
}

void add_network(CLI::App& command, get_options& options) {
  auto& session = options.session;
  command.add_flag("--no-peers", options.no_peers, "Over HTTP(S) alone, from the servers");
  add_session_flags(command, session);
  add_rate(command, "--limit-down", session.download_bytes_per_second, "Fetch no faster");
  command
      .add_option("--stall-timeout", options.stall_timeout_s,
                  "Give up when nothing has come for so long")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
}

} // namespace

void add_get(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("get", "Download a revision, from everybody who has it");
  command->footer(
      "Patterns are those of the shell; * also matches /. A folder means all that is in it.\n"
      "The same command goes on with what an interrupted one has left in DIR/.shoal.");
  auto options = std::make_shared<get_options>();
  options->what.add_to(*command, false);
  command->get_option("target")->description(
      "NS/NAME@REV, NS/NAME (latest revision), a .torrent file or a magnet link");
  command->add_option("patterns", options->files.include, "Only files like these (default: all)")
      ->type_name("PATTERN");
  add_places(*command, *options);
  options->signature.add_to(*command);
  add_network(*command, *options);
  command->add_flag("--seed", options->seeds, "Then give to others, until interrupted");
  auto* cache = command->get_option("--hf-cache");
  ctx.on_run(*command, [&ctx, options, cache] {
    options->to_hub_cache = cache->count() > 0;
    return run(ctx, *options);
  });
}

} // namespace shoal::cli
