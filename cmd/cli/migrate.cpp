// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_client.hpp"
#include "cluster/migration_withdrawal.hpp"
#include "cmd/cli/commands.hpp"
#include "cmd/cli/output.hpp"
#include "core/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace shoal::cli {

namespace {

constexpr std::chrono::milliseconds tick{20};
constexpr std::chrono::seconds report_period{1};

struct migrate_options {
  bool to_etcd = false;
  bool to_lmdb = false;
  bool withdraw = false;
  std::string data;
  std::string password_file;
  uint64_t patience_s = 60;
  coordination::etcd_config etcd;
  cluster::migration_config how;
};

/// Whose fault it is.
exit_code code_of(const error& why) {
  switch (why.code) {
  case ec::unavailable:
  case ec::timeout:
  case ec::invalid_argument:
    return exit_code::unreachable;
  case ec::storage_full:
  case ec::storage_failed:
    return exit_code::local_trouble;
  default:
    return exit_code::refused;
  }
}

tl::unexpected<failure> explain(const error& why) {
  auto text = safe_text(to_string(why));
  if (why.code == ec::unauthorized)
    text += " (etcd denies access: see --etcd-user and --etcd-password-file)";
  return refuse(code_of(why), text);
}

uint64_t records_in(const lmdb_store& store) {
  uint64_t all = 0;
  for (auto where : cluster::shared_tables)
    all += store.count(where).value_or(0);
  return all;
}

/// One job on its own thread of events.
struct migration_run {
  const context& ctx;
  const migrate_options& options;
  boost::asio::io_context io;
  std::unique_ptr<coordination::etcd_client> etcd;
  std::unique_ptr<lmdb_store> store;
  std::function<mono_time()> now = [] { return mono_now(); };

  /// @param told what to say from time to time.
  template <class T, class Job>
  result<T> drive(Job& job, const std::function<std::string()>& told) {
    std::optional<result<T>> got;
    job.start([&](result<T> outcome) { got = std::move(outcome); });
    auto report_at = now() + report_period;
    while (!got) {
      job.advance();
      bool ticked = false;
      boost::asio::steady_timer timer{io, tick};
      timer.async_wait([&](const auto&) { ticked = true; });
      io.restart();
      while (!ticked && !got)
        io.run_one();
      timer.cancel();
      io.poll(); // It refers to what ends here.
      if (ctx.wants_progress() && !got && now() >= report_at) {
        fmt::print(stderr, "{}\n", told());
        report_at = now() + report_period;
      }
    }
    return std::move(*got);
  }

  outcome<void> into_etcd() {
    cluster::migration_into_etcd job{*etcd, *store, now, options.how};
    auto all = records_in(*store);
    auto done = drive<uint64_t>(
        job, [&] { return fmt::format("{} of {} records moved", job.written(), all); });
    if (!done)
      return explain(done.error());
    auto state = cluster::copy_state(*store);
    auto id = state ? state->cluster : std::string{};
    if (ctx.json)
      print_json({{"records", *done}, {"to", "etcd"}, {"cluster", id}});
    else
      fmt::print("moved {} records into etcd, compared them; cluster {}\n", *done, id);
    return {};
  }

  outcome<void> into_lmdb() {
    cluster::migration_into_lmdb job{*etcd, *store, now, options.how};
    auto done = drive<uint64_t>(
        job, [&] { return fmt::format("{} records are here", records_in(*store)); });
    if (!done)
      return explain(done.error());
    if (ctx.json)
      print_json({{"records", *done}, {"to", "lmdb"}});
    else
      fmt::print("moved {} records out of etcd, compared them\n", *done);
    return {};
  }

  outcome<void> withdraw() {
    using counts = cluster::migration_withdrawal::outcome;
    cluster::migration_withdrawal job{*etcd, *store, now, options.how};
    auto done = drive<counts>(job, [] { return std::string{"erasing in etcd"}; });
    if (!done)
      return explain(done.error());
    if (ctx.json)
      print_json({{"erased", done->erased}, {"differed", done->differed}});
    else
      fmt::print("erased {} records in etcd, {} of which are not the same here\n", done->erased,
                 done->differed);
    return {};
  }
};

outcome<std::string> read_password(const std::string& file) {
  std::string password;
  if (file.empty())
    return password;
  std::ifstream in(file);
  if (!std::getline(in, password))
    return refuse(exit_code::local_trouble, "cannot read a password from " + file);
  return password;
}

outcome<void> run(const context& ctx, const migrate_options& options) {
  log::init({ctx.wants_progress() ? "warn" : "error", log::format::text});
  migration_run job{ctx, options, boost::asio::io_context{1}, {}, {}};
  auto config = options.etcd;
  auto password = read_password(options.password_file);
  if (!password)
    return tl::unexpected<failure>(password.error());
  config.password = std::move(*password);
  if (!options.how.cluster.empty())
    if (auto fine = cluster::check_cluster_id(options.how.cluster); !fine)
      return refuse(exit_code::usage, to_string(fine.error()));
  auto etcd = coordination::etcd_client::make(job.io, std::move(config));
  if (!etcd)
    return refuse(exit_code::usage, safe_text(to_string(etcd.error())));
  job.etcd = std::move(*etcd);
  lmdb_config where;
  where.path = std::filesystem::path(options.data) / "registry";
  if (!options.to_lmdb && !std::filesystem::exists(where.path))
    return refuse(exit_code::local_trouble, where.path.string() + " does not exist");
  auto store = lmdb_store::open(where);
  if (!store)
    return local_trouble(store.error());
  job.store = std::move(*store);
  return options.withdraw ? job.withdraw() : options.to_etcd ? job.into_etcd() : job.into_lmdb();
}

void add_etcd_options(CLI::App& command, migrate_options& x) {
  command.add_option("--etcd", x.etcd.endpoints, "Members of etcd, e.g. http://10.0.0.1:2379")
      ->required()
      ->delimiter(',')
      ->type_name("URL,...");
  command.add_option("--etcd-user", x.etcd.user, "Empty: no authentication");
  command.add_option("--etcd-password-file", x.password_file, "Its first line")->type_name("FILE");
  command.add_option("--etcd-ca", x.etcd.ca_file, "PEM: who vouches for the members")
      ->type_name("FILE");
  command.add_option("--etcd-cert", x.etcd.cert_file, "PEM: a certificate for etcd")
      ->type_name("FILE");
  command.add_option("--etcd-key", x.etcd.key_file, "PEM: its key")->type_name("FILE");
}

} // namespace

void add_migrate(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand(
      "migrate", "Move the registry of a single node into etcd, or a cluster's out of it");
  auto options = std::make_shared<migrate_options>();
  auto* which = command->add_option_group("direction");
  which->add_flag("--to-etcd", options->to_etcd, "The node is down, no node of the cluster runs");
  which->add_flag("--to-lmdb", options->to_lmdb, "Into a new folder, or a node's of that cluster");
  which->add_flag("--withdraw", options->withdraw, "Take back a --to-etcd that is not finished");
  which->require_option(1);
  command->add_option("--data", options->data, "The node's data-dir")->required()->type_name("DIR");
  command->add_option("--cluster-id", options->how.cluster, "Empty: that of etcd, or a new one");
  command->add_option("--cluster-prefix", options->how.prefix, "Of all keys in etcd")
      ->capture_default_str();
  command
      ->add_option("--batch", options->how.records_per_commit,
                   "Records in a transaction; etcd's max-txn-ops is more")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--patience", options->patience_s, "Gives up after so long without progress")
      ->check(CLI::Range(1, 86'400))
      ->type_name("SECONDS")
      ->capture_default_str();
  add_etcd_options(*command, *options);
  ctx.on_run(*command, [&ctx, options] {
    options->how.patience = std::chrono::seconds{options->patience_s};
    return run(ctx, *options);
  });
}

} // namespace shoal::cli
