// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/output.hpp"

#include <fmt/format.h>

namespace shoal::cli {

namespace {

struct search_options {
  std::string query;
  std::string category;
  std::string publisher;
  std::string tags;
  std::string sort;
  uint32_t limit = 0;
  uint32_t offset = 0;

  std::string path() const {
    auto number = [](uint32_t n) { return n == 0 ? std::string{} : std::to_string(n); };
    return "/api/registry/search"
           + query_string({{"q", query},
                           {"category", category},
                           {"publisher", publisher},
                           {"tags", tags},
                           {"sort", sort},
                           {"limit", number(limit)},
                           {"offset", number(offset)}});
  }
};

void print_entries(const nlohmann::json& entries) {
  std::vector<std::vector<std::string>> rows{
      {"NAME", "PUBLISHER", "SIZE", "SEEDERS", "LEECHERS", "DONE", "INFO HASH"}};
  for (auto& entry : entries)
    rows.push_back({member_text(entry, "name"), member_text(entry, "publisher"),
                    human_size(member_number(entry, "size")), member_text(entry, "seeders"),
                    member_text(entry, "leechers"), member_text(entry, "completions"),
                    member_text(entry, "info_hash")});
  print_table(rows, {false, false, true, true, true, true, false});
}

outcome<void> run(const context& ctx, const search_options& options) {
  auto client = ctx.client();
  http_request request;
  request.path = options.path();
  auto answer = client.send_ok(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  const auto entries = nlohmann::json::parse(answer->body, nullptr, false);
  if (!entries.is_array())
    return refuse(exit_code::refused, "the answer is no JSON list: " + answer->url);
  if (ctx.json) {
    print_json(entries);
    return {};
  }
  if (!entries.empty())
    print_entries(entries);
  const auto total = answer->header("x-total-count");
  fmt::print("{} of {}\n", entries.size(),
             total.empty() ? std::to_string(entries.size()) : safe_text(total));
  return {};
}

} // namespace

void add_search(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("search", "Search the registry by name");
  auto options = std::make_shared<search_options>();
  command->add_option("query", options->query, "Part of the name")->type_name("TEXT");
  command->add_option("--category", options->category, "Exactly this category");
  command->add_option("--publisher", options->publisher, "Exactly this publisher");
  command->add_option("--tags", options->tags, "Part of the tags");
  command->add_option("--sort", options->sort, "created_at, completions or seeders")
      ->check(CLI::IsMember({"created_at", "completions", "seeders"}));
  command->add_option("--limit", options->limit, "At most so many (server's default: 50)")
      ->check(CLI::Range(1, 100));
  command->add_option("--offset", options->offset, "Skip so many");
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
