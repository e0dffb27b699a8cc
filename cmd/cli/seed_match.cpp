// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/seed_match.hpp"

#include "cmd/cli/get_job.hpp"
#include "cmd/cli/interrupt.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/get/placing.hpp"
#include "core/limits.hpp"
#include "persistence/folder_scan.hpp"

#include <algorithm>
#include <map>

namespace shoal::cli {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t page_entries = limits::search_limit_max;

target_options named(const std::string& title) {
  target_options about;
  about.positional = title;
  return about;
}

/// Where `shoal get` puts a file: below its folder, or behind a link of Hugging Face's cache.
std::optional<fs::path> find_file(const fs::path& root, const std::string& path,
                                  const get::placed_file& noted) {
  std::vector<fs::path> candidates{root / path};
  std::error_code failed;
  for (auto& snapshot : fs::directory_iterator(root / "snapshots", failed))
    candidates.push_back(snapshot.path() / path);
  for (auto& candidate : candidates)
    if (get::look_at(candidate, noted.sha256) == noted)
      return fs::canonical(candidate, failed);
  return std::nullopt;
}

/// Takes the places of files that are there; the others are left alone.
void put_places(held_revision& held, const std::map<std::string, fs::path>& there) {
  held.is_whole = true;
  for (auto& file : held.source.files) {
    const auto index = static_cast<size_t>(file.torrent_index);
    held.places.resize(std::max(held.places.size(), index + 1));
    const auto found = there.find(file.path);
    if (found != there.end())
      held.places[index] = {found->second.string(), true};
    held.is_whole = held.is_whole && found != there.end();
  }
}

/// A revision that `shoal get` has fetched into this folder.
outcome<std::optional<held_revision>> find_fetched(const context& ctx, http_client& client,
                                                   const fs::path& root, const std::string& key) {
  auto state = get::state_folder::open(root, key);
  if (!state)
    return local_trouble(state.error());
  const auto title = state->load("what", limits::record_bytes_max);
  if (title.empty() || state->placed().empty())
    return std::nullopt;
  auto source = find_revision(ctx, client, named(title));
  if (!source)
    return tl::unexpected<failure>(source.error());
  std::map<std::string, fs::path> there;
  for (auto& file : source->files) {
    const auto noted = state->placed().find(file.path);
    if (noted == state->placed().end() || !file.sha256
        || noted->second.sha256 != file.sha256->hex())
      continue;
    if (auto place = find_file(root, file.path, noted->second))
      there[file.path] = std::move(*place);
  }
  if (there.empty() || !source->torrent)
    return std::nullopt;
  held_revision held{std::move(*source), root, {}, false, std::move(*state)};
  put_places(held, there);
  return held;
}

/// Titles of published revisions with so many bytes.
outcome<std::vector<std::string>> titles_of_size(http_client& client, uint64_t size_bytes) {
  std::vector<std::string> titles;
  for (size_t offset = 0; offset <= limits::search_offset_max; offset += page_entries) {
    auto page = client.fetch_json("/api/registry/search"
                                  + query_string({{"limit", std::to_string(page_entries)},
                                                  {"offset", std::to_string(offset)}}));
    if (!page)
      return tl::unexpected<failure>(page.error());
    for (auto& entry : *page)
      if (member_number(entry, "size") == size_bytes)
        if (auto name = member_text(entry, "name"); name.find('@') != std::string::npos)
          titles.push_back(std::move(name));
    if (!page->is_array() || page->size() < page_entries)
      break;
  }
  return titles;
}

/// Hashes files when they are first asked for.
class folder_hashes {
public:
  folder_hashes(const folder_listing& listing, download_view& view) : view_(view) {
    for (auto& file : listing.files)
      files_[file.path] = {&file, std::nullopt};
    progress_.doing = "checking";
    progress_.files = listing.files.size();
    progress_.total_bytes = listing.total_size_bytes;
  }

  bool has_names_of(const get_source& source) const {
    auto is_there = [&](const offered_file& file) {
      const auto found = files_.find(file.path);
      return found != files_.end() && found->second.first->size_bytes == file.size_bytes;
    };
    return source.files.size() == files_.size()
           && std::all_of(source.files.begin(), source.files.end(), is_there);
  }

  /// @errors exit_code::local_trouble, exit_code::interrupted.
  outcome<bool> has_bytes_of(const get_source& source) {
    for (auto& file : source.files) {
      auto& [known, hash] = files_.at(file.path);
      if (!hash) {
        auto hashed = get::hash_file(known->source, interrupted(), [this](uint64_t bytes) {
          progress_.done_bytes += bytes;
          view_.update(progress_);
        });
        if (!hashed)
          return hashed.error().code == ec::shutting_down ? interruption()
                                                          : local_trouble(hashed.error());
        hash = *hashed;
        ++progress_.files_done;
      }
      if (file.sha256 != hash)
        return false;
    }
    return true;
  }

  std::map<std::string, fs::path> places() const {
    std::map<std::string, fs::path> all;
    for (auto& [path, file] : files_)
      all[path] = fs::absolute(file.first->source);
    return all;
  }

private:
  std::map<std::string, std::pair<const scanned_file*, std::optional<sha256_digest>>> files_;
  download_view& view_;
  download_progress progress_;
};

outcome<std::vector<held_revision>> find_by_hash(const context& ctx, http_client& client,
                                                 const fs::path& root, download_view& view) {
  auto listing = scan_folder(root.string());
  if (!listing)
    return local_trouble(listing.error());
  auto titles = titles_of_size(client, listing->total_size_bytes);
  if (!titles)
    return tl::unexpected<failure>(titles.error());
  std::vector<held_revision> all;
  folder_hashes hashes(*listing, view);
  for (auto& title : *titles) {
    auto source = find_revision(ctx, client, named(title));
    if (!source && source.error().code == exit_code::unreachable)
      return tl::unexpected<failure>(source.error());
    if (!source || !source->torrent || !hashes.has_names_of(*source))
      continue; // One that is gone meanwhile is none of ours.
    auto same = hashes.has_bytes_of(*source);
    if (!same)
      return tl::unexpected<failure>(same.error());
    if (!*same)
      continue;
    held_revision held{std::move(*source), root, {}, false, std::nullopt};
    put_places(held, hashes.places());
    all.push_back(std::move(held));
  }
  return all;
}

} // namespace

outcome<std::vector<held_revision>> find_held(const context& ctx, http_client& client,
                                              const fs::path& folder, download_view& view) {
  std::error_code failed;
  const auto root = fs::canonical(folder, failed);
  if (failed || !fs::is_directory(root, failed))
    return refuse(exit_code::local_trouble, "no folder: " + safe_text(folder.string()));
  std::vector<held_revision> all;
  for (auto& item : fs::directory_iterator(root / ".shoal", failed)) {
    if (!item.is_directory(failed))
      continue;
    auto held = find_fetched(ctx, client, root, item.path().filename().string());
    if (!held)
      return tl::unexpected<failure>(held.error());
    if (*held)
      all.push_back(std::move(**held));
  }
  return all.empty() ? find_by_hash(ctx, client, root, view)
                     : outcome<std::vector<held_revision>>(std::move(all));
}

} // namespace shoal::cli
