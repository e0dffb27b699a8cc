// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/local_file.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/progress.hpp"
#include "cmd/cli/signed_manifest.hpp"
#include "protocol/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace shoal::cli {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t piece_bytes = 1024 * 1024;

struct verify_options {
  std::string path;
  target_options about;
  trust_options trust;
  std::string manifest_file;
  std::string save_file;
};

enum class verdict : uint8_t { good, missing, wrong_size, wrong_bytes, unreadable };

constexpr std::string_view name(verdict x) {
  constexpr std::array<std::string_view, 5> names{"ok", "missing", "wrong size", "wrong bytes",
                                                  "unreadable"};
  return names[static_cast<size_t>(x)];
}

struct finding {
  const manifest_file* file;
  fs::path where;
  verdict what = verdict::good;
};

verdict look_at(const finding& x, uint64_t& done, progress_bar& bar) {
  std::error_code failed;
  if (!fs::is_regular_file(x.where, failed))
    return verdict::missing;
  if (fs::file_size(x.where, failed) != x.file->size_bytes || failed)
    return verdict::wrong_size;
  std::ifstream in{x.where, std::ios::binary};
  std::vector<char> piece(piece_bytes);
  sha256_hasher hasher;
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    auto got = static_cast<size_t>(in.gcount());
    hasher.update({reinterpret_cast<const uint8_t*>(piece.data()), got});
    bar.update(done += got);
  }
  if (!in.eof())
    return verdict::unreadable;
  return hasher.finish() == x.file->sha256 ? verdict::good : verdict::wrong_bytes;
}

/// A folder has all files of the revision; a file is the one that its path ends with.
outcome<std::vector<finding>> plan(const manifest& m, const fs::path& path) {
  std::vector<finding> all;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    for (auto& file : m.files)
      all.push_back({&file, path / fs::path{file.path}, verdict::good});
    return all;
  }
  auto given = fs::absolute(path, ignored).lexically_normal().generic_string();
  const manifest_file* best = nullptr;
  for (auto& file : m.files)
    if (given.ends_with("/" + file.path) && (!best || file.path.size() > best->path.size()))
      best = &file;
  auto base = [](std::string_view text) { return text.substr(text.rfind('/') + 1); };
  // A file that lies elsewhere still has its name, if that says enough.
  for (auto& file : m.files)
    if (!best && base(file.path) == base(given)) {
      auto same = [&](auto& x) { return base(x.path) == base(given); };
      if (std::count_if(m.files.begin(), m.files.end(), same) == 1)
        best = &file;
    }
  if (!best)
    return refuse(exit_code::local_trouble,
                  ref_key(m.id, m.rev) + " has no file like " + safe_text(path.string()));
  all.push_back({best, path, verdict::good});
  return all;
}

outcome<signed_manifest> get_manifest(http_client& client, const verify_options& options) {
  if (options.manifest_file.empty()) {
    auto about = resolve(options.about, client);
    if (!about)
      return tl::unexpected<failure>(about.error());
    return fetch_signed_manifest(client, *about, options.trust);
  }
  std::ifstream in{options.manifest_file, std::ios::binary};
  auto document = json::parse(in, nullptr, false);
  if (!document.is_object())
    return refuse(exit_code::local_trouble, "no signed manifest: " + options.manifest_file);
  auto checked = check_signed_manifest(client, std::move(document), options.trust);
  auto& wanted = options.about.positional;
  if (checked && !wanted.empty() && wanted != checked->content.id.str()
      && wanted != ref_key(checked->content.id, checked->content.rev))
    return refuse(exit_code::refused,
                  "the manifest is of " + ref_key(checked->content.id, checked->content.rev));
  return checked;
}

void report(const context& ctx, const signed_manifest& about, const std::vector<finding>& all,
            size_t bad) {
  if (ctx.json) {
    auto files = json::array();
    for (auto& x : all)
      files.push_back({{"path", x.file->path}, {"verdict", name(x.what)}});
    print_json({{"id", about.content.id.str()},
                {"rev", about.content.rev},
                {"key_id", about.key.id},
                {"signed_at", about.signed_at},
                {"files", std::move(files)},
                {"good", bad == 0}});
    return;
  }
  for (auto& x : all)
    if (x.what != verdict::good)
      fmt::print("{:<12} {}\n", name(x.what), safe_text(x.file->path));
  fmt::print("{}: {} of {} file{} good, signed with {}\n",
             ref_key(about.content.id, about.content.rev), all.size() - bad, all.size(),
             all.size() == 1 ? "" : "s", about.key.id);
}

outcome<void> run(const context& ctx, const verify_options& options) {
  auto client = ctx.client();
  auto about = get_manifest(client, options);
  if (!about)
    return tl::unexpected<failure>(about.error());
  auto all = plan(about->content, options.path);
  if (!all)
    return tl::unexpected<failure>(all.error());
  uint64_t total = 0, done = 0;
  for (auto& x : *all)
    total += x.file->size_bytes;
  size_t bad = 0;
  {
    progress_bar bar{"Verifying", total, ctx.wants_progress()};
    for (auto& x : *all) {
      x.what = look_at(x, done, bar);
      bad += x.what != verdict::good;
    }
  }
  if (!options.save_file.empty())
    if (auto saved = write_file(options.save_file, about->document.dump()); !saved)
      return saved;
  report(ctx, *about, *all, bad);
  if (bad > 0)
    return refuse(exit_code::local_trouble, std::to_string(bad) + " of "
                                                + std::to_string(all->size())
                                                + " files are not as they were signed");
  return {};
}

} // namespace

void add_verify(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand(
      "verify", "Check a file or a folder against the signed manifest of its revision");
  command->footer("Keys that come from the server itself show that nothing was damaged on the way. "
                  "Who wants more keeps a copy of the keys, or says with --trust which one it is.");
  auto options = std::make_shared<verify_options>();
  command->add_option("path", options->path, "A file, or the folder with all files")->required();
  options->about.add_to(*command, false);
  options->trust.add_to(*command);
  command->add_option("--manifest", options->manifest_file, "A signed manifest that was saved")
      ->type_name("FILE");
  command->add_option("--save-manifest", options->save_file, "Save the signed manifest here")
      ->type_name("FILE");
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
