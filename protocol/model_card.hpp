// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"
#include "protocol/file_header.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// What a model file says of itself, as user interfaces show it. Kept with the manifest of its
/// revision. Texts are UTF-8, at most limits::card_text_bytes_max bytes each; empty if unknown.
struct model_card {
  std::string path;         ///< The file's, in the manifest.
  std::string subtype;      ///< One of `model_subtypes`.
  std::string architecture; ///< ModelSpec's name of its class, or "unknown".
  std::string title;
  std::string author;
  std::string description;
  std::string license;
  std::string date;
  std::string usage_hint;
  std::string trigger_phrase;
  std::vector<std::string> tags; ///< At most limits::card_tags_max.
  uint32_t width = 0;            ///< Of the images that it makes, in pixels; 0: unknown.
  uint32_t height = 0;

  /// SHA-256 of all bytes behind the header. @source ModelSpec `hash_sha256`
  std::optional<sha256_digest> tensor_sha256;

  std::optional<sha256_digest> preview; ///< The object with an image of what it makes,
  std::string preview_type;             ///< one of `preview_types`.

  bool operator==(const model_card&) const = default;
};

/// Kinds of model files: SwarmUI's seven, and language models.
/// @source SwarmUI `T2IModelSets`
inline constexpr std::array<std::string_view, 8> model_subtypes{
    "Stable-Diffusion", "VAE", "LoRA", "Embedding", "ControlNet", "Clip", "ClipVision", "LLM"};

inline constexpr std::array<std::string_view, 4> preview_types{"image/jpeg", "image/png",
                                                               "image/webp", "image/gif"};

/// @returns the subtype of that name in any case; nothing if there is none.
std::optional<std::string_view> find_subtype(std::string_view name);

/// Whether a file of that name is one that `read_model_header` reads.
bool is_model_file(std::string_view path);

/// @returns what is known of a model file whose header nobody has read.
model_card plain_card(std::string_view path);

struct made_card {
  model_card card;           ///< Without `tensor_sha256` and `preview`.
  std::string preview_bytes; ///< The image; empty if there is none.
};

/// Makes a card of a header.
/// @param category what the publisher calls the model; it wins if it is a subtype.
/// @source SwarmUI `T2IModelHandler`, ModelSpec 1.0.1
made_card make_card(std::string_view path, const file_header& header, std::string_view category);

/// Checks every rule that the fields' comments name. @errors ec::invalid_argument, ec::too_large.
result<void> validate(const model_card& card);

} // namespace shoal
