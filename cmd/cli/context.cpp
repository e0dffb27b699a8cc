// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/context.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace shoal::cli {

namespace {

void report(const failure& why, bool json) {
  if (!json) {
    fmt::print(stderr, "{}\n", why.message);
    return;
  }
  nlohmann::json doc{{"error", why.message}};
  if (why.http_status != 0)
    doc["status"] = why.http_status;
  fmt::print(stderr, "{}\n", doc.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
}

} // namespace

http_client context::client() const {
  http_client made{server, key};
  if (!quiet)
    made.on_wait([as_json = json](const failure& why, int seconds) {
      report(
          {why.code, fmt::format("{}; tries again in {} s", why.message, seconds), why.http_status},
          as_json);
    });
  return made;
}

void context::on_run(CLI::App& command, std::function<outcome<void>()> work) {
  command.callback([this, work = std::move(work)] {
    if (auto done = work(); !done) {
      report(done.error(), json);
      result = done.error().code;
    }
  });
}

} // namespace shoal::cli
