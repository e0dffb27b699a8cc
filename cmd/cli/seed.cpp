// SPDX-License-Identifier: Apache-2.0
// An agent: seeds what folders hold, and tells the nodes where it is and what it can give.
#include "cmd/cli/agent_line.hpp"
#include "cmd/cli/commands.hpp"
#include "cmd/cli/get_job.hpp"
#include "cmd/cli/interrupt.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/seed_match.hpp"
#include "cmd/cli/session_flags.hpp"
#include "cmd/get/seed_session.hpp"
#include "core/limits.hpp"
#include "core/net.hpp"
#include "protocol/ws_tracker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <unistd.h>

namespace shoal::cli {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto step = std::chrono::milliseconds(100);
constexpr auto look_period = std::chrono::seconds(1);
constexpr int pause_s_max = 60;

/// Until nodes know where the agent is: its first announce is to find that out already.
constexpr auto introduction_time = std::chrono::seconds(5);

struct seed_options {
  std::vector<std::string> folders;
  std::string name;
  std::string zone;
  int capacity_bytes_per_second = 0;
  get::session_options session;
};

std::string host_name() {
  std::string name(limits::agent_text_bytes_max, '\0');
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.c_str() : "";
}

/// The address that peers are to use, if it is a certain one: nodes shall see the same.
std::string local_address(const std::string& listen) {
  const auto first = listen.substr(0, listen.find(','));
  const auto text = first.substr(0, first.rfind(':'));
  const auto bare = text.starts_with('[') ? text.substr(1, text.size() - 2) : text;
  const auto address = ip_address::parse(bare);
  return address && bare != "0.0.0.0" && bare != "::" ? bare : std::string{};
}

/// What the line says next; written by one thread and read by the other.
class shared_report {
public:
  void set(const ws_agent& said) {
    std::string text;
    append_ws_agent(text, said);
    std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  std::string get() const {
    std::lock_guard lock(mutex_);
    return text_;
  }

private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// What somebody else says, on his own thread, until there is time to show it.
class notes {
public:
  void add(std::string text) {
    std::lock_guard lock(mutex_);
    if (texts_.size() < 100)
      texts_.push_back(std::move(text));
  }
  void show(download_view& view) {
    std::lock_guard lock(mutex_);
    for (auto& text : texts_)
      view.note(text);
    texts_.clear();
  }

private:
  std::mutex mutex_;
  std::vector<std::string> texts_;
};

class seeding {
public:
  seeding(const context& ctx, const seed_options& options, std::vector<held_revision> held,
          download_view& view)
      : ctx_(ctx), options_(options), held_(std::move(held)), view_(view),
        session_(options.session) {}

  outcome<void> run();

private:
  outcome<void> begin();
  void look();
  ws_agent describe() const;

  const context& ctx_;
  const seed_options& options_;
  std::vector<held_revision> held_;
  download_view& view_;
  get::seed_session session_;
  get::seed_session::sight sight_;
  shared_report report_;
  notes notes_;
};

info_hash swarm_of(const get::known_torrent& torrent) {
  return info_hash::from_hex(torrent.key.substr(0, 2 * info_hash::size_bytes))
      .value_or(info_hash{});
}

uint64_t size_of(const held_revision& held) {
  uint64_t sum = 0;
  for (auto& file : held.source.files)
    sum += file.size_bytes;
  return sum;
}

ws_agent seeding::describe() const {
  ws_agent said;
  said.name = options_.name.empty() ? host_name() : options_.name;
  said.zone = options_.zone;
  said.capacity_bytes_per_second = static_cast<uint64_t>(options_.capacity_bytes_per_second);
  said.sent_bytes = sight_.sent_bytes;
  said.sent_bytes_per_second = sight_.sent_bytes_per_second;
  said.port = session_.listen_port();
  for (size_t i = 0; i < std::min(held_.size(), limits::agent_swarms_max); ++i) {
    const auto size_bytes = size_of(held_[i]);
    const auto have = i < sight_.torrents.size() ? sight_.torrents[i].have_bytes : uint64_t{0};
    said.swarms.push_back(
        {swarm_of(*held_[i].source.torrent), std::min(have, size_bytes), size_bytes});
  }
  return said;
}

outcome<void> seeding::begin() {
  for (auto& held : held_) {
    auto& torrent = *held.source.torrent;
    auto added = session_.add(torrent, held.source.links, held.places, held.folder.string(),
                              held.is_whole);
    if (!added)
      return local_trouble(added.error());
    view_.event({{"event", "seed"},
                 {"title", held.source.title},
                 {"folder", held.folder.string()},
                 {"whole", held.is_whole}});
    if (!ctx_.json)
      fmt::print("{} in {}\n", safe_text(held.source.title), held.folder.string());
  }
  std::fflush(stdout);
  return {};
}

void seeding::look() {
  sight_ = session_.look();
  report_.set(describe());
  download_progress progress;
  progress.doing = "seeding";
  progress.files = progress.files_done = held_.size();
  progress.peers = sight_.peers;
  progress.sent_bytes = sight_.sent_bytes;
  for (size_t i = 0; i < held_.size(); ++i) {
    progress.total_bytes += size_of(held_[i]);
    progress.done_bytes += sight_.torrents[i].have_bytes;
    if (sight_.torrents[i].is_checking)
      progress.doing = "checking";
  }
  view_.update(progress);
}

outcome<void> seeding::run() {
  report_.set(describe());
  agent_line_config where;
  where.servers = ctx_.servers();
  where.key = ctx_.key;
  where.local_address = local_address(options_.session.listen);
  agent_line line(
      where, [this] { return report_.get(); },
      [this](const std::string& text) { notes_.add(text); });
  const auto until = clock::now() + introduction_time;
  while (!interrupted() && line.heard() < line.servers() && clock::now() < until)
    (void)session_.wait(step);
  if (auto begun = begin(); !begun)
    return begun;
  auto looked = clock::now() - look_period;
  while (!interrupted()) {
    for (auto& trouble : session_.wait(step))
      notes_.add(trouble);
    notes_.show(view_);
    if (clock::now() - looked >= look_period) {
      looked = clock::now();
      look();
    }
  }
  session_.stop();
  return {};
}

/// A daemon may start before its node.
outcome<std::vector<held_revision>> find_patiently(const context& ctx, http_client& client,
                                                   const std::string& folder, download_view& view) {
  for (int pause_s = 1;; pause_s = std::min(2 * pause_s, pause_s_max)) {
    auto held = find_held(ctx, client, folder, view);
    if (held || held.error().code != exit_code::unreachable || interrupted())
      return held;
    client.wait(held.error(), pause_s);
  }
}

outcome<void> run(const context& ctx, const seed_options& options) {
  catch_interrupts();
  download_view view(ctx);
  auto client = ctx.client();
  client.send_key_always();
  client.stop_when(interrupted());
  std::vector<held_revision> all;
  for (auto& folder : options.folders) {
    auto held = find_patiently(ctx, client, folder, view);
    if (interrupted())
      return interruption();
    if (!held)
      return tl::unexpected<failure>(held.error());
    if (held->empty())
      view.note("nobody has published what is in " + folder);
    std::move(held->begin(), held->end(), std::back_inserter(all));
  }
  if (all.empty())
    return refuse(exit_code::refused, "there is nothing to seed");
  return seeding(ctx, options, std::move(all), view).run();
}

} // namespace

void add_seed(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("seed", "Give published revisions to others, as a daemon");
  command->footer("Folders are what `shoal get` has filled, or hold all files of a published "
                  "revision.\nWith the registry key the nodes hear where this agent is and what "
                  "it can give, and hand it out first to those near it (tracker.peer-policy).");
  auto options = std::make_shared<seed_options>();
  command->add_option("folders", options->folders, "Folders to seed from")
      ->required()
      ->type_name("DIR");
  command->add_option("--zone", options->zone, "The zone that it is in, one of tracker.zones");
  command->add_option("--name", options->name, "What it is called (default: the host's name)");
  add_rate(*command, "--capacity", options->capacity_bytes_per_second,
           "What it can give (default: --limit-up)");
  add_session_flags(*command, options->session);
  ctx.on_run(*command, [&ctx, options] {
    if (options->capacity_bytes_per_second == 0)
      options->capacity_bytes_per_second = options->session.upload_bytes_per_second;
    return run(ctx, *options);
  });
}

} // namespace shoal::cli
