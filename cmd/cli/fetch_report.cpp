// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/fetch_report.hpp"

#include "cmd/cli/local_file.hpp"
#include "cmd/cli/output.hpp"
#include "core/hex.hpp"

#include <fmt/format.h>

#include <optional>

namespace shoal::cli {

namespace {

constexpr size_t sample_bytes = 64;

/// What came, without keeping it.
struct receiver {
  uint64_t size_bytes = 0;
  std::string sample;
  std::optional<output_file> file;
  bool disk_failed = false;

  bool take(std::string_view bytes) {
    size_bytes += bytes.size();
    sample += bytes.substr(0, sample_bytes - std::min(sample_bytes, sample.size()));
    disk_failed = file && !file->write(bytes);
    return !disk_failed;
  }
};

void report(const context& ctx, const http_response& answer, const receiver& got,
            const std::string& output) {
  if (output == "-")
    return;
  if (ctx.json) {
    nlohmann::json doc{{"url", answer.url},
                       {"size", got.size_bytes},
                       {"content_type", answer.header("content-type")},
                       {"sample_hex", to_hex(as_bytes(got.sample))}};
    if (!output.empty())
      doc["file"] = output;
    print_json(doc);
    return;
  }
  if (!output.empty()) {
    fmt::print("{}: {} bytes\n", output, got.size_bytes);
    return;
  }
  fmt::print("Fetched {} bytes from {}\n", got.size_bytes, answer.url);
  for (auto [shown, name] :
       {std::pair{"Content-Type", "content-type"}, std::pair{"Content-Length", "content-length"}})
    if (const auto value = answer.header(name); !value.empty())
      fmt::print("{}: {}\n", shown, safe_text(value));
  fmt::print("Sample (hex): {}...\n", to_hex(as_bytes(got.sample)));
}

} // namespace

outcome<void> fetch_and_report(const context& ctx, http_client& client, http_request request,
                               const std::string& output) {
  receiver got;
  if (!output.empty()) {
    auto file = output_file::create(output);
    if (!file)
      return tl::unexpected<failure>(file.error());
    got.file.emplace(std::move(*file));
  }
  request.sink = [&](std::string_view bytes) { return got.take(bytes); };
  auto answer = client.send_ok(request);
  if (got.disk_failed)
    return got.file->finish();
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  if (got.file)
    if (auto ok = got.file->finish(); !ok)
      return ok;
  report(ctx, *answer, got, output);
  return {};
}

} // namespace shoal::cli
