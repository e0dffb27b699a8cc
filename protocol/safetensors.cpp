// SPDX-License-Identifier: Apache-2.0
// The JSON of a safetensors header, read in one pass without a tree in memory.
#include "core/limits.hpp"
#include "protocol/file_header.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace shoal {

namespace {

using json = nlohmann::json;

constexpr std::string_view words_key = "__metadata__";
constexpr std::string_view image_key = "modelspec.thumbnail";
constexpr std::string_view old_image_key = "thumbnail";

/// Bits of one element; of types that are not here nothing is checked.
std::optional<uint64_t> bits_of(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, uint64_t>, 15> known{{{"BOOL", 8},
                                                                         {"U8", 8},
                                                                         {"I8", 8},
                                                                         {"F8_E5M2", 8},
                                                                         {"F8_E4M3", 8},
                                                                         {"I16", 16},
                                                                         {"U16", 16},
                                                                         {"F16", 16},
                                                                         {"BF16", 16},
                                                                         {"I32", 32},
                                                                         {"U32", 32},
                                                                         {"F32", 32},
                                                                         {"I64", 64},
                                                                         {"U64", 64},
                                                                         {"F64", 64}}};
  auto found = std::find_if(known.begin(), known.end(), [&](auto& x) { return x.first == type; });
  return found == known.end() ? std::nullopt : std::optional{found->second};
}

/// Follows the parser. Depth 1 has the tensors and the words, depth 2 their fields, depth 3 the
/// numbers of a tensor's lists.
class header_reader final : public json::json_sax_t {
public:
  explicit header_reader(uint64_t data_bytes) : data_bytes_{data_bytes} {}

  file_header header;

  /// @returns whether the tensors fill the file.
  bool is_complete() {
    std::sort(spans_.begin(), spans_.end());
    uint64_t end = 0;
    for (auto& [first, last] : spans_) {
      if (first != end)
        return false;
      end = last;
    }
    return end == data_bytes_;
  }

  bool null() override { return scalar(); }
  bool boolean(bool) override { return scalar(); }
  bool number_integer(number_integer_t) override { return false; } // None is below zero.
  bool number_float(number_float_t, const string_t&) override { return scalar(); }
  bool binary(binary_t&) override { return false; }

  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ != 3)
      return scalar();
    auto is_shape = field_ == "shape";
    if (is_shape && value != 0 && elements_ > UINT64_MAX / 64 / value)
      return false;
    if (is_shape)
      elements_ *= value;
    else if (field_ == "data_offsets" && bounds_ < 2)
      offsets_[bounds_++] = value;
    else
      return false;
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ != 2)
      return false;
    if (in_words_)
      take_word(value);
    else if (field_ == "dtype")
      bits_ = bits_of(value);
    return true;
  }

  bool key(string_t& name) override {
    if (depth_ == 1)
      name_ = std::move(name);
    else
      field_ = std::move(name);
    return true;
  }

  bool start_object(size_t) override {
    if (++depth_ > 2)
      return false;
    if (depth_ == 2) {
      in_words_ = name_ == words_key;
      elements_ = 1;
      bounds_ = 0;
      bits_.reset();
    }
    return true;
  }

  bool end_object() override {
    auto was_tensor = depth_ == 2 && !in_words_;
    --depth_;
    return !was_tensor || end_tensor();
  }

  bool start_array(size_t) override {
    return depth_++ == 2 && !in_words_ && (field_ == "shape" || field_ == "data_offsets");
  }
  bool end_array() override {
    --depth_;
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

private:
  /// The format has texts among the words and nothing else; some writers are not so strict.
  bool scalar() const { return depth_ == 2; }

  void take_word(string_t& value) {
    if (!is_card_key(field_))
      return;
    auto is_image = field_ == image_key || field_ == old_image_key;
    if (!is_image)
      header.words[field_] = card_text(value, limits::card_text_bytes_max);
    else if (value.size() <= limits::card_image_bytes_max)
      header.words[field_] = std::move(value);
  }

  bool end_tensor() {
    if (bounds_ != 2 || offsets_[0] > offsets_[1] || offsets_[1] > data_bytes_)
      return false;
    auto bytes = offsets_[1] - offsets_[0];
    if (bits_ && elements_ * *bits_ / 8 != bytes)
      return false;
    if (bytes > 0) // Tensors without elements may be anywhere.
      spans_.emplace_back(offsets_[0], offsets_[1]);
    ++header.tensor_count;
    header.traits.see(name_);
    return true;
  }

  uint64_t data_bytes_;
  int depth_ = 0;
  bool in_words_ = false;
  std::string name_;  // Of the tensor.
  std::string field_; // Of it, or of the words.
  uint64_t elements_ = 1;
  std::array<uint64_t, 2> offsets_{};
  size_t bounds_ = 0;
  std::optional<uint64_t> bits_;
  std::vector<std::pair<uint64_t, uint64_t>> spans_;
};

} // namespace

result<file_header> decode_safetensors(std::string_view text, uint64_t data_bytes) {
  if (text.size() > limits::model_header_bytes_max)
    return fail(ec::too_large, "safetensors: the header");
  if (!text.starts_with('{'))
    return fail(ec::invalid_argument, "safetensors: the header is no JSON object");
  header_reader reader{data_bytes};
  if (!json::sax_parse(text.begin(), text.end(), &reader))
    return fail(ec::invalid_argument, "safetensors: the header is no list of tensors");
  if (!reader.is_complete())
    return fail(ec::invalid_argument, "safetensors: the tensors do not fill the file");
  return std::move(reader.header);
}

} // namespace shoal
