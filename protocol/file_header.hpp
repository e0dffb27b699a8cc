// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace shoal {

/// What the names of a file's tensors give away. @source SwarmUI `T2IModelClassSorter`, by its
/// behaviour
struct tensor_traits {
  bool adapter = false; ///< Low-rank differences to another model.
  bool control_net = false;
  bool embedding = false; ///< Textual inversion.
  bool sd1 = false;
  bool sd2 = false;
  bool sdxl = false;
  bool sd3 = false;
  bool flux = false;
  bool flux_guidance = false; ///< Only the "dev" kind has it.
  bool vae = false;
  bool clip = false;
  bool clip_vision = false;
  bool language = false;

  /// Takes notice of a tensor.
  void see(std::string_view name);

  bool operator==(const tensor_traits&) const = default;
};

/// The part of a model file's header that people read.
struct file_header {
  /// The keys that `is_card_key` wants. Values are UTF-8 and cut at limits::card_text_bytes_max,
  /// the image of ModelSpec at limits::card_image_bytes_max (then it is left out).
  std::map<std::string, std::string, std::less<>> words;
  uint64_t tensor_count = 0;
  tensor_traits traits;
  bool is_gguf = false;

  bool operator==(const file_header&) const = default;
};

/// Whether a card is made of that key.
bool is_card_key(std::string_view key);

/// @returns valid UTF-8 of at most `bytes_max` bytes: what is none becomes '?', and no character is
/// cut in the middle.
std::string card_text(std::string_view text, size_t bytes_max);

/// The length of a safetensors header and thus where the tensors begin.
/// @param start the file's first 8 bytes or more. @param file_bytes its size.
/// @errors ec::invalid_argument, ec::too_large (limits::model_header_bytes_max).
/// @source huggingface/safetensors README
result<uint64_t> safetensors_header_length(std::span<const uint8_t> start, uint64_t file_bytes);

/// Decodes the JSON of a safetensors header and checks that its tensors fill the rest of the file
/// without holes and overlaps. Does not throw; memory is at most that of the text.
/// @param data_bytes what follows the header.
/// @errors ec::invalid_argument, ec::too_large.
result<file_header> decode_safetensors(std::string_view text, uint64_t data_bytes);

/// Decodes the beginning of a GGUF file as far as `start` goes; what people read comes first.
/// @errors ec::invalid_argument, ec::unsupported (versions 1 and big-endian).
/// @source ggml-org/ggml docs/gguf.md
result<file_header> decode_gguf(std::span<const uint8_t> start);

} // namespace shoal
