// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/webseed.hpp"
#include "actors/webseed_side.hpp"

/// How files are called here, at origins and on disk. Pure.
namespace shoal {

/// @returns whether an origin may be asked for it: its parts are sound.
bool is_sound(const origin_name& name);

/// "model/ns/name@rev/path": the key of what is known of it.
std::string text_of(const origin_name& name);

/// The same of what another node has told of a file: it must not change what this node thinks of
/// it, such as who pulls it.
std::string news_text_of(const origin_name& name);

/// "{base}/{id}/resolve/{rev}/{path}", with "datasets/" or "spaces/" before the id.
std::string resolve_url(const std::string& base, const origin_name& name);

/// Whether an origin may be asked for the revision that a name is in.
bool is_sound_revision(const origin_name& name);

/// "model/ns/name@rev".
std::string revision_text(const origin_name& name);

/// "{base}/api/{kind}s/{id}/revision/{rev}" and "{base}/api/{kind}s/{id}/tree/{commit}" with what
/// lists all files. @source Hugging Face's API
std::string revision_url(const std::string& base, const origin_name& name);
std::string tree_url(const std::string& base, const origin_name& name, const std::string& commit);

/// @returns the name of a file whose `text_of` has a commit for its revision, else nothing.
std::optional<origin_name> name_with_commit(std::string_view text);

/// Whether an origin has answered that it gives nothing, and will answer so again.
bool says_no(const origin::failure& why);

/// Reads what an origin says about a file. @param head of the answer to a HEAD.
/// @errors ec::unavailable: it does not say how long the file is.
result<origin_record> record_of(const origin_head& head, unix_seconds now);

/// @returns what to pull for a name of which that is known. @param urls of all origins, in order.
pull_spec pull_of(const std::vector<std::string>& base_urls, origin_name name,
                  const origin_record& what);

} // namespace shoal
