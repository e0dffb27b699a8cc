// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/context.hpp"

#include "protocol/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace shoal::cli {

namespace {

void report(const failure& why, bool as_json) {
  if (!as_json) {
    fmt::print(stderr, "{}\n", why.message);
    return;
  }
  nlohmann::json doc{{"error", why.message}};
  if (why.http_status != 0)
    doc["status"] = why.http_status;
  fmt::print(stderr, "{}\n", doc.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
}

} // namespace

std::vector<std::string> context::servers() const {
  std::vector<std::string> urls;
  for (size_t at = 0; at <= server.size();) {
    const auto end = std::min(server.find(',', at), server.size());
    auto url = std::string(text::trim(std::string_view(server).substr(at, end - at)));
    while (url.ends_with('/'))
      url.pop_back();
    if (!url.empty() && std::find(urls.begin(), urls.end(), url) == urls.end())
      urls.push_back(std::move(url));
    at = end + 1;
  }
  return urls.empty() ? std::vector{server} : urls;
}

http_client context::client() const {
  http_client made{servers(), key};
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
