// SPDX-License-Identifier: Apache-2.0
// The beginning of a GGUF file: little-endian numbers, texts with their length before them.
#include "core/limits.hpp"
#include "protocol/file_header.hpp"

#include <array>
#include <cstring>
#include <optional>

namespace shoal {

namespace {

constexpr std::string_view magic = "GGUF";

enum class kind : uint32_t { text = 8, list = 9 };

/// Bytes of a value of each kind; 0 for texts and lists, which have none in common.
constexpr std::array<uint8_t, 13> sizes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/// Takes things off the front of the bytes. Once they have run out nothing more is there.
class taker {
public:
  explicit taker(std::span<const uint8_t> bytes) : left_{bytes} {}

  template <class T>
  std::optional<T> number() {
    T value{};
    auto* from = left_.data();
    if (!skip(1, sizeof(T)))
      return std::nullopt;
    std::memcpy(&value, from, sizeof(T)); // As x86 and ARM have it.
    return value;
  }

  std::optional<std::string_view> text() {
    auto length = number<uint64_t>();
    auto* from = reinterpret_cast<const char*>(left_.data());
    if (!length || !skip(*length, 1))
      return std::nullopt;
    return std::string_view{from, static_cast<size_t>(*length)};
  }

  bool skip(uint64_t count, uint64_t each) {
    if (count > left_.size() / each) {
      left_ = {};
      return false;
    }
    left_ = left_.subspan(static_cast<size_t>(count * each));
    return true;
  }

private:
  std::span<const uint8_t> left_;
};

/// @returns the texts of a list joined with commas; nothing for other lists, and if the bytes end.
std::optional<std::string> take_list(taker& in) {
  auto type = in.number<uint32_t>();
  auto count = in.number<uint64_t>();
  if (!type || !count || *type >= sizes.size() || *type == static_cast<uint32_t>(kind::list))
    return std::nullopt;
  std::string joined;
  if (*type != static_cast<uint32_t>(kind::text))
    return in.skip(*count, sizes[*type]) ? std::optional{joined} : std::nullopt;
  for (uint64_t i = 0; i < *count; ++i) {
    auto item = in.text();
    if (!item)
      return std::nullopt;
    if (joined.size() <= limits::card_text_bytes_max)
      joined.append(joined.empty() ? "" : ",").append(*item);
  }
  return joined;
}

/// @returns a value as text, empty for numbers; nothing if it cannot be read.
std::optional<std::string> take_value(taker& in) {
  auto type = in.number<uint32_t>();
  if (!type || *type >= sizes.size())
    return std::nullopt;
  if (*type == static_cast<uint32_t>(kind::list))
    return take_list(in);
  if (*type != static_cast<uint32_t>(kind::text))
    return in.skip(1, sizes[*type]) ? std::optional<std::string>{""} : std::nullopt;
  auto value = in.text();
  return value ? std::optional{std::string{*value}} : std::nullopt;
}

} // namespace

result<file_header> decode_gguf(std::span<const uint8_t> start) {
  if (start.size() < magic.size() || std::memcmp(start.data(), magic.data(), magic.size()) != 0)
    return fail(ec::invalid_argument, "gguf: another kind of file");
  taker in{start.subspan(magic.size())};
  auto version = in.number<uint32_t>();
  auto tensors = in.number<uint64_t>();
  auto values = in.number<uint64_t>();
  if (!version || !tensors || !values)
    return fail(ec::invalid_argument, "gguf: too short");
  if (*version != 2 && *version != 3)
    return fail(ec::unsupported, "gguf: version " + std::to_string(*version));
  file_header header;
  header.is_gguf = true;
  header.tensor_count = *tensors;
  for (uint64_t i = 0; i < *values; ++i) {
    auto key = in.text();
    auto value = key ? take_value(in) : std::nullopt;
    if (!value)
      break; // Behind it nothing can be understood; what was there stays good.
    if (is_card_key(*key) && !value->empty())
      header.words[std::string{*key}] = card_text(*value, limits::card_text_bytes_max);
  }
  return header;
}

} // namespace shoal
