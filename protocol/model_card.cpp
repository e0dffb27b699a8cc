// SPDX-License-Identifier: Apache-2.0
#include "protocol/model_card.hpp"

#include "core/base64.hpp"
#include "core/limits.hpp"
#include "protocol/model_id.hpp"
#include "protocol/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace shoal {

namespace {

constexpr uint32_t side_max = 65'536; // Pixels.

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1); // npos + 1 is 0.
}

std::string_view word(const file_header& h, std::string_view key) {
  auto found = h.words.find(key);
  return found == h.words.end() ? std::string_view{} : std::string_view{found->second};
}

/// The first of the words that is there.
std::string first_word(const file_header& h, std::initializer_list<std::string_view> keys) {
  for (auto key : keys)
    if (auto found = text::trim(word(h, key)); !found.empty())
      return std::string{found};
  return {};
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), text::lower);
  return text;
}

// -- the class ---------------------------------------------------------------------

/// Other names of the same classes.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> other_names{
    {{"sd1", "stable-diffusion-v1"},
     {"sd15", "stable-diffusion-v1"},
     {"stable-diffusion-1.5", "stable-diffusion-v1"},
     {"sdxl", "stable-diffusion-xl-v1-base"},
     {"stable-diffusion-xl", "stable-diffusion-xl-v1-base"},
     {"sd3", "stable-diffusion-v3-medium"},
     {"stable-diffusion-3-medium", "stable-diffusion-v3-medium"},
     {"flux", "flux-1-dev"},
     {"flux.1-dev", "flux-1-dev"},
     {"flux.1-schnell", "flux-1-schnell"}}};

std::string class_of_tensors(const tensor_traits& t) {
  if (t.sdxl)
    return "stable-diffusion-xl-v1-base";
  if (t.sd3)
    return "stable-diffusion-v3-medium";
  if (t.flux)
    return t.flux_guidance ? "flux-1-dev" : "flux-1-schnell";
  if (t.sd2)
    return "stable-diffusion-v2";
  if (t.sd1)
    return "stable-diffusion-v1";
  return "unknown";
}

std::string class_of(const file_header& h) {
  auto said = lower(first_word(h, {"modelspec.architecture", "architecture", "general.architecture",
                                   "model_type", "ss_network_module"}));
  if (said.empty())
    return class_of_tensors(h.traits);
  auto same = [&](auto& x) { return x.first == said; };
  auto other = std::find_if(other_names.begin(), other_names.end(), same);
  return other == other_names.end() ? said : std::string{other->second};
}

/// Pixels of a square that the class was made for.
uint32_t side_of_class(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, uint32_t>, 6> sides{
      {{"stable-diffusion-xl", 1024},
       {"stable-diffusion-v3", 1024},
       {"stable-diffusion-v2-768", 768},
       {"stable-diffusion-v2", 512},
       {"stable-diffusion-v1", 512},
       {"flux-1", 1024}}};
  auto fits = [&](auto& x) { return name.starts_with(x.first); };
  auto found = std::find_if(sides.begin(), sides.end(), fits);
  return found == sides.end() ? 0 : found->second;
}

void set_size(model_card& card, std::string_view resolution) {
  uint32_t width = 0, height = 0;
  auto* end = resolution.data() + resolution.size();
  auto [x, failed] = std::from_chars(resolution.data(), end, width);
  auto good = failed == std::errc{} && x != end && text::lower(*x) == 'x';
  if (good) {
    auto [rest, wrong] = std::from_chars(x + 1, end, height);
    good = wrong == std::errc{} && rest == end;
  }
  if (!good || width == 0 || height == 0 || width > side_max || height > side_max)
    width = height = side_of_class(card.architecture);
  card.width = width;
  card.height = height;
}

// -- the kind ----------------------------------------------------------------------

/// ModelSpec marks what is no whole model behind a slash.
std::string_view kind_of_class(std::string_view architecture) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> marks{
      {{"lora", "LoRA"},
       {"lycoris", "LoRA"},
       {"textual-inversion", "Embedding"},
       {"control-net", "ControlNet"},
       {"controlnet", "ControlNet"},
       {"vae", "VAE"},
       {"clip-vision", "ClipVision"},
       {"clip", "Clip"}}};
  auto mark = architecture.substr(architecture.rfind('/') + 1);
  auto fits = [&](auto& x) { return mark == x.first; };
  auto found = std::find_if(marks.begin(), marks.end(), fits);
  return found == marks.end() ? std::string_view{} : found->second;
}

std::string_view kind_of_tensors(const tensor_traits& t) {
  if (t.adapter)
    return "LoRA";
  if (t.control_net)
    return "ControlNet";
  if (t.sd1 || t.sd2 || t.sdxl || t.sd3 || t.flux)
    return "Stable-Diffusion";
  if (t.embedding)
    return "Embedding";
  if (t.vae)
    return "VAE";
  if (t.clip_vision)
    return "ClipVision";
  if (t.clip)
    return "Clip";
  return t.language ? "LLM" : std::string_view{};
}

/// GGUF files are language models but for those that image programs make.
std::string_view kind_of_gguf(std::string_view architecture) {
  constexpr std::array<std::string_view, 9> image_models{"flux", "sd1",   "sd3", "sdxl",   "aura",
                                                         "ltxv", "hyvid", "wan", "lumina2"};
  auto is_image
      = side_of_class(architecture) > 0
        || std::find(image_models.begin(), image_models.end(), architecture) != image_models.end();
  return is_image ? "Stable-Diffusion" : "LLM";
}

std::string subtype_of(const file_header& h, std::string_view architecture,
                       std::string_view category) {
  if (auto wanted = find_subtype(category))
    return std::string{*wanted};
  auto kind = kind_of_class(architecture);
  if (kind.empty() && h.is_gguf)
    kind = kind_of_gguf(architecture);
  if (kind.empty())
    kind = kind_of_tensors(h.traits);
  return std::string{kind.empty() ? model_subtypes.front() : kind};
}

// -- the rest ----------------------------------------------------------------------

void add_tag(std::vector<std::string>& tags, std::string_view tag) {
  tag = text::trim(tag);
  if (!tag.empty() && tags.size() < limits::card_tags_max)
    tags.push_back(card_text(tag, limits::card_tag_bytes_max));
}

/// @param list separated by commas, or a JSON list of texts.
std::vector<std::string> tags_of(std::string_view list) {
  std::vector<std::string> tags;
  if (list.starts_with('[')) {
    auto doc = nlohmann::json::parse(list, nullptr, false); // A few KB: see card_text_bytes_max.
    if (doc.is_array()) {
      for (auto& x : doc)
        if (x.is_string())
          add_tag(tags, x.get_ref<const std::string&>());
      return tags;
    }
  }
  while (!list.empty()) {
    auto end = std::min(list.find(','), list.size());
    add_tag(tags, list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return tags;
}

/// Takes "data:image/jpeg;base64,..." apart.
void take_preview(made_card& made, std::string_view url) {
  constexpr std::string_view scheme = "data:", coding = ";base64,";
  auto comma = url.find(coding);
  if (!url.starts_with(scheme) || comma == std::string_view::npos)
    return;
  auto type = url.substr(scheme.size(), comma - scheme.size());
  if (type == "image/jpg")
    type = preview_types.front();
  auto bytes = base64_decode(url.substr(comma + coding.size()));
  if (!bytes || bytes->empty()
      || std::find(preview_types.begin(), preview_types.end(), type) == preview_types.end())
    return;
  made.card.preview_type = type;
  made.preview_bytes = std::move(*bytes);
}

} // namespace

std::optional<std::string_view> find_subtype(std::string_view name) {
  auto same = [&](auto x) { return text::equals_nocase(x, name); };
  auto found = std::find_if(model_subtypes.begin(), model_subtypes.end(), same);
  return found == model_subtypes.end() ? std::nullopt : std::optional{*found};
}

bool is_model_file(std::string_view path) {
  auto ends = [&](std::string_view suffix) {
    return path.size() > suffix.size()
           && text::equals_nocase(path.substr(path.size() - suffix.size()), suffix);
  };
  return ends(".safetensors") || ends(".sft") || ends(".gguf");
}

model_card plain_card(std::string_view path) {
  return make_card(path, file_header{}, {}).card;
}

made_card make_card(std::string_view path, const file_header& header, std::string_view category) {
  made_card made;
  auto& card = made.card;
  card.path = path;
  card.architecture = class_of(header);
  card.subtype = subtype_of(header, card.architecture, category);
  card.title = first_word(header, {"modelspec.title", "title", "alt", "general.name"});
  if (card.title.empty()) {
    auto name = file_name(path);
    card.title = card_text(name.substr(0, name.rfind('.')), limits::card_text_bytes_max);
  }
  card.author = first_word(header, {"modelspec.author", "author", "general.author"});
  card.description
      = first_word(header, {"modelspec.description", "description", "general.description"});
  card.license = first_word(header, {"modelspec.license", "license", "general.license"});
  card.date = first_word(header, {"modelspec.date", "date", "general.date"});
  card.usage_hint = first_word(header, {"modelspec.usage_hint", "usage_hint"});
  card.trigger_phrase = first_word(header, {"modelspec.trigger_phrase", "trigger_phrase"});
  card.tags = tags_of(first_word(header, {"modelspec.tags", "tags", "general.tags"}));
  set_size(card, first_word(header, {"modelspec.resolution"}));
  take_preview(made, first_word(header, {"modelspec.thumbnail", "thumbnail"}));
  return made;
}

result<void> validate(const model_card& card) {
  auto bad = [&](const char* what) {
    return fail(ec::invalid_argument, "bad card of " + card.path + ": " + what);
  };
  if (std::find(model_subtypes.begin(), model_subtypes.end(), card.subtype) == model_subtypes.end())
    return bad("unknown subtype");
  for (auto* text : {&card.architecture, &card.title, &card.author, &card.description,
                     &card.license, &card.date, &card.usage_hint, &card.trigger_phrase})
    if (text->size() > limits::card_text_bytes_max || !is_utf8(*text))
      return bad("a text");
  if (card.tags.size() > limits::card_tags_max)
    return bad("too many tags");
  for (auto& tag : card.tags)
    if (tag.empty() || tag.size() > limits::card_tag_bytes_max || !is_utf8(tag))
      return bad("a tag");
  if (card.width > side_max || card.height > side_max)
    return bad("the size of its images");
  auto known = std::find(preview_types.begin(), preview_types.end(), card.preview_type);
  if (card.preview.has_value() != (known != preview_types.end()))
    return bad("the preview");
  return {};
}

} // namespace shoal
