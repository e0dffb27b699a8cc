// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/content.hpp"

#include "cmd/cli/progress.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

namespace shoal::cli {

namespace {

/// "262144", "256K", "256KiB", "1M": bytes; a power of two that torrents allow.
std::string parse_piece_length(const std::string& text, uint32_t& out) {
  uint64_t value = 0;
  const auto [rest, err] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  if (unit == "K" || unit == "k" || unit == "KiB")
    value *= 1024;
  else if (unit == "M" || unit == "m" || unit == "MiB")
    value *= 1024 * 1024;
  else if (!unit.empty())
    value = 0;
  constexpr uint64_t least = 16 * 1024;
  constexpr uint64_t most = 16 * 1024 * 1024;
  if (err != std::errc{} || value < least || value > most || !std::has_single_bit(value))
    return "must be a power of two from 16K to 16M";
  out = static_cast<uint32_t>(value);
  return {};
}

CLI::Validator url_with(std::vector<std::string> schemes) {
  return CLI::Validator(
      [schemes = std::move(schemes)](std::string& url) -> std::string {
        for (auto& scheme : schemes)
          if (url.starts_with(scheme + "://") && url.size() > scheme.size() + 3)
            return {};
        return "not a URL of the right kind: " + url;
      },
      "URL");
}

} // namespace

void content_options::add_to(CLI::App& command) {
  command.add_option("path", path, "A folder or a file")->required()->type_name("PATH");
  command
      .add_option_function<std::string>(
          "--piece-length",
          [this](const std::string& text) {
            if (auto trouble = parse_piece_length(text, piece_length_bytes); !trouble.empty())
              throw CLI::ValidationError("--piece-length", trouble);
          },
          "Bytes per piece, a power of two from 16K to 16M (default: by the size)")
      ->type_name("SIZE");
  command.add_flag("--private", is_private, "Only peers of the torrent's trackers (BEP 27)");
  command.add_flag("--follow-links", follows_links,
                   "Also follow symbolic links that lead out of the folder");
  command.add_flag("--hybrid", hybrid, "A torrent for old and new clients (v1 and v2 in one)");
  command.add_flag("--v1", v1, "A torrent for old clients: Transmission 3, aria2");
  command.add_flag("--v2", v2, "A torrent for new clients only");
  command.add_option("--tracker", trackers, "Announce URL; may be repeated, in this order")
      ->check(url_with({"http", "https", "udp", "ws", "wss"}))
      ->allow_extra_args(false);
  command
      .add_option("--webseed", web_seeds,
                  "URL of a folder that holds a folder named as the revision; may be repeated")
      ->check(url_with({"http", "https"}))
      ->allow_extra_args(false);
}

std::vector<torrent_format> content_options::formats() const {
  std::vector<torrent_format> out;
  if (hybrid)
    out.push_back(torrent_format::hybrid);
  if (v1)
    out.push_back(torrent_format::v1);
  if (v2)
    out.push_back(torrent_format::v2);
  return out;
}

torrent_links content_options::links() const {
  torrent_links out;
  for (auto& url : trackers)
    out.trackers.push_back({url});
  for (auto& url : web_seeds)
    out.web_seeds.push_back(url.ends_with('/') ? url : url + "/");
  return out;
}

outcome<hashed_folder> hash_content(const context& ctx, const content_options& options) {
  auto listing = scan_folder(options.path,
                             options.follows_links ? link_policy::anywhere : link_policy::inside);
  if (!listing)
    return local_trouble(listing.error());
  hash_options hashing;
  hashing.piece_length_bytes = options.piece_length_bytes;
  progress_bar bar("Hashing", listing->total_size_bytes, ctx.wants_progress());
  hashing.on_progress = [&bar](uint64_t done, uint64_t) { bar.update(done); };
  auto content = hash_folder(*listing, hashing);
  if (!content)
    return local_trouble(content.error());
  return hashed_folder{std::move(*listing), std::move(*content)};
}

outcome<std::string> make_torrent(const torrent_content& content, torrent_format format,
                                  const content_options& options, const std::string& name,
                                  const std::string& comment) {
  torrent_options out;
  out.name = name;
  out.is_private = options.is_private;
  out.links = options.links();
  if (!comment.empty())
    out.links.comment = comment;
  out.created_by = "shoal/" SHOAL_VERSION;
  auto torrent = build_torrent(content, format, out);
  if (!torrent)
    return local_trouble(torrent.error());
  return std::move(*torrent);
}

} // namespace shoal::cli
