// SPDX-License-Identifier: Apache-2.0
#include "protocol/file_header.hpp"

#include "core/limits.hpp"
#include "protocol/model_id.hpp"

#include <algorithm>
#include <array>

namespace shoal {

namespace {

enum class place : uint8_t { at_start, at_end, anywhere };

struct sign {
  place where;
  std::string_view text;
  bool tensor_traits::*trait;
};

constexpr std::array signs{
    sign{place::at_end, ".lora_down.weight", &tensor_traits::adapter},
    sign{place::at_end, ".lora_up.weight", &tensor_traits::adapter},
    sign{place::at_end, ".lora_A.weight", &tensor_traits::adapter},
    sign{place::anywhere, ".lora_A.default.", &tensor_traits::adapter},
    sign{place::anywhere, "input_hint_block.0.", &tensor_traits::control_net},
    sign{place::at_start, "controlnet_", &tensor_traits::control_net},
    sign{place::at_start, "emb_params", &tensor_traits::embedding},
    sign{place::at_start, "string_to_param", &tensor_traits::embedding},
    sign{place::anywhere, "cond_stage_model.transformer.text_model.", &tensor_traits::sd1},
    sign{place::anywhere, "cond_stage_model.model.transformer.", &tensor_traits::sd2},
    sign{place::anywhere, "conditioner.embedders.1.", &tensor_traits::sdxl},
    sign{place::anywhere, "joint_blocks.0.context_block.", &tensor_traits::sd3},
    sign{place::anywhere, "double_blocks.0.img_attn.", &tensor_traits::flux},
    sign{place::anywhere, "guidance_in.in_layer.", &tensor_traits::flux_guidance},
    sign{place::at_start, "decoder.conv_in.", &tensor_traits::vae},
    sign{place::at_start, "first_stage_model.decoder.conv_in.", &tensor_traits::vae},
    sign{place::at_start, "text_model.encoder.", &tensor_traits::clip},
    sign{place::at_start, "vision_model.encoder.", &tensor_traits::clip_vision},
    sign{place::at_start, "model.layers.", &tensor_traits::language},
    sign{place::at_start, "transformer.h.", &tensor_traits::language},
    sign{place::at_start, "model.embed_tokens.", &tensor_traits::language},
};

bool fits(const sign& s, std::string_view name) {
  switch (s.where) {
  case place::at_start:
    return name.starts_with(s.text);
  case place::at_end:
    return name.ends_with(s.text);
  case place::anywhere:
    return name.find(s.text) != std::string_view::npos;
  }
  return false;
}

constexpr std::array card_keys{
    std::string_view{"modelspec.architecture"},
    std::string_view{"modelspec.title"},
    std::string_view{"modelspec.author"},
    std::string_view{"modelspec.description"},
    std::string_view{"modelspec.license"},
    std::string_view{"modelspec.date"},
    std::string_view{"modelspec.usage_hint"},
    std::string_view{"modelspec.trigger_phrase"},
    std::string_view{"modelspec.tags"},
    std::string_view{"modelspec.resolution"},
    std::string_view{"modelspec.thumbnail"},
    std::string_view{"architecture"},
    std::string_view{"model_type"},
    std::string_view{"ss_network_module"},
    std::string_view{"title"},
    std::string_view{"alt"},
    std::string_view{"author"},
    std::string_view{"description"},
    std::string_view{"license"},
    std::string_view{"date"},
    std::string_view{"usage_hint"},
    std::string_view{"trigger_phrase"},
    std::string_view{"tags"},
    std::string_view{"thumbnail"},
    std::string_view{"general.architecture"},
    std::string_view{"general.name"},
    std::string_view{"general.author"},
    std::string_view{"general.description"},
    std::string_view{"general.license"},
    std::string_view{"general.date"},
    std::string_view{"general.tags"},
};

} // namespace

void tensor_traits::see(std::string_view name) {
  for (auto& s : signs)
    if (!(this->*s.trait) && fits(s, name))
      this->*s.trait = true;
  // SDXL's embeddings are two bare tensors.
  if (name == "clip_l" || name == "clip_g")
    embedding = true;
}

bool is_card_key(std::string_view key) {
  return std::find(card_keys.begin(), card_keys.end(), key) != card_keys.end();
}

std::string card_text(std::string_view text, size_t bytes_max) {
  auto cut = std::min(text.size(), bytes_max);
  // 10xxxxxx goes on with a character.
  while (cut < text.size() && cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80)
    --cut;
  std::string made{text.substr(0, cut)};
  if (!is_utf8(made))
    for (auto& c : made)
      if (static_cast<unsigned char>(c) >= 0x80)
        c = '?';
  return made;
}

result<uint64_t> safetensors_header_length(std::span<const uint8_t> start, uint64_t file_bytes) {
  constexpr size_t prefix_bytes = 8;
  if (start.size() < prefix_bytes || file_bytes < prefix_bytes)
    return fail(ec::invalid_argument, "safetensors: too short");
  uint64_t length = 0;
  for (size_t i = 0; i < prefix_bytes; ++i)
    length |= uint64_t{start[i]} << 8 * i;
  if (length > file_bytes - prefix_bytes)
    return fail(ec::invalid_argument, "safetensors: the header is longer than the file");
  if (length > limits::model_header_bytes_max)
    return fail(ec::too_large, "safetensors: the header");
  return length;
}

} // namespace shoal
