// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/get_signature.hpp"

#include "cmd/cli/output.hpp"

#include <algorithm>

namespace shoal::cli {

namespace {

/// Answers of servers that know nothing of signatures, or of revisions that are only an origin's.
bool says_unsigned(const failure& why) {
  return why.http_status == 404 || why.http_status == 405 || why.http_status == 501;
}

tl::unexpected<failure> differs(const get_source& source, const std::string& what) {
  return refuse(exit_code::refused,
                source.title + " is not what was signed: " + what + "; nothing was fetched");
}

outcome<void> compare_files(const get_source& source, const manifest& m) {
  for (auto& file : source.files) {
    auto* known = m.find_file(file.path);
    if (known == nullptr)
      return differs(source, "the server offers " + safe_text(file.path) + ", too");
    if (known->size_bytes != file.size_bytes || known->sha256 != file.sha256)
      return differs(source, "the server offers another " + safe_text(file.path));
  }
  if (source.files.size() != m.files.size())
    return differs(source, "the server offers only some of the files");
  return {};
}

/// The torrent decides which pieces are taken from peers; the files' hashes would notice other
/// ones too late.
outcome<void> compare_torrent(const get_source& source, const manifest& m) {
  if (!source.torrent)
    return {};
  auto& key = source.torrent->key;
  auto is_it = [&](const manifest_torrent& torrent) {
    return torrent.v2 ? torrent.v2->hex() == key : torrent.v1 && torrent.v1->hex() == key;
  };
  return std::any_of(m.torrents.begin(), m.torrents.end(), is_it)
             ? outcome<void>{}
             : differs(source, "the server offers another torrent");
}

} // namespace

void signature_options::add_to(CLI::App& command) {
  trust.add_to(command);
  command.add_flag("--require-signature", is_required,
                   "Fetch nothing unless the revision's manifest is signed");
}

outcome<void> check_signature(http_client& client, const get_source& source,
                              const signature_options& options, download_view& view) {
  if (!source.what)
    return options.wants_one()
               ? refuse(exit_code::usage, "only NS/NAME has a manifest that can be signed")
               : outcome<void>{};
  auto about = fetch_signed_manifest(client, *source.what, options.trust);
  if (!about && says_unsigned(about.error())) {
    if (options.wants_one())
      return refuse(exit_code::refused,
                    source.title
                        + " has no signature; nothing was fetched: " + about.error().message,
                    about.error().http_status);
    view.note(source.title + " has no signature");
    return {};
  }
  if (!about)
    return tl::unexpected<failure>(about.error());
  if (auto same = compare_files(source, about->content); !same)
    return same;
  if (auto same = compare_torrent(source, about->content); !same)
    return same;
  view.event({{"event", "signed"}, {"key_id", about->key.id}, {"signed_at", about->signed_at}});
  return {};
}

} // namespace shoal::cli
