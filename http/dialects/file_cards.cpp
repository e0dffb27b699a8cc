// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/file_cards.hpp"

#include "core/limits.hpp"
#include "core/log.hpp"
#include "protocol/digest.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>

namespace shoal::http {

namespace {

constexpr size_t piece_bytes = 1024 * 1024;
constexpr size_t prefix_bytes = 8;

/// A model file that is being read from its beginning.
struct open_model {
  unique_fd fd;
  std::filesystem::path path;
  uint64_t size_bytes = 0;

  /// @returns the next `wanted` bytes, fewer at the end of the file.
  result<std::string> take(size_t wanted) {
    std::string bytes(wanted, '\0');
    auto out = std::span(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
    return read_full(fd.get(), out, path).map([&](size_t n) {
      bytes.resize(n);
      return std::move(bytes);
    });
  }
};

/// @returns the hash of all that has not been read yet.
result<sha256_digest> hash_rest(open_model& file) {
  sha256_hasher hasher;
  for (;;) {
    auto piece = file.take(piece_bytes);
    if (!piece)
      return tl::unexpected{piece.error()};
    if (piece->empty())
      return hasher.finish();
    hasher.update(as_bytes(*piece));
  }
}

struct read_card {
  made_card made;
  std::optional<sha256_digest> tensors;
};

result<read_card> read_safetensors(open_model& file, const std::string& path,
                                   std::string_view category) {
  auto start = file.take(prefix_bytes);
  if (!start)
    return tl::unexpected{start.error()};
  auto length = safetensors_header_length(as_bytes(*start), file.size_bytes);
  if (!length)
    return tl::unexpected{length.error()};
  auto text = file.take(*length);
  if (!text)
    return tl::unexpected{text.error()};
  auto header = decode_safetensors(*text, file.size_bytes - prefix_bytes - *length);
  if (!header)
    return tl::unexpected{header.error()};
  text->clear();
  text->shrink_to_fit();
  read_card card{make_card(path, *header, category), std::nullopt};
  if (file.size_bytes > limits::tensor_hash_bytes_max)
    return card;
  return hash_rest(file).map([&](const sha256_digest& tensors) {
    card.tensors = tensors;
    return std::move(card);
  });
}

result<read_card> read_gguf(open_model& file, const std::string& path, std::string_view category) {
  auto start = file.take(limits::gguf_header_bytes_max);
  if (!start)
    return tl::unexpected{start.error()};
  return decode_gguf(as_bytes(*start)).map([&](const file_header& header) {
    return read_card{make_card(path, header, category), std::nullopt};
  });
}

result<read_card> read_card_of(object_store& objects, const manifest_file& file,
                               std::string_view category) {
  open_model model{{}, objects.files().path_of(file.sha256), file.size_bytes};
  auto fd = open_file(model.path, O_RDONLY);
  if (!fd)
    return tl::unexpected{fd.error()};
  model.fd = std::move(*fd);
  auto dot = file.path.rfind('.');
  auto is_gguf = file.path.size() - dot == std::string_view{".gguf"}.size();
  return is_gguf ? read_gguf(model, file.path, category)
                 : read_safetensors(model, file.path, category);
}

/// One of the two files that the card of a repository is made of.
struct card_source {
  std::string_view path;
  std::string repository_card::*part;
  std::string (*read)(std::string_view);
};

constexpr std::array<card_source, 2> card_sources{
    {{readme_path, &repository_card::data, card_data_of},
     {model_config_path, &repository_card::config, card_config_of}}};

/// Whether both have that file, or neither. @param before without a card it may be from before
/// there were any.
bool is_same(const manifest& m, std::string_view path, const manifest* before) {
  if (!before || before->card.is_empty())
    return false;
  auto* file = m.find_file(path);
  auto* was = before->find_file(path);
  return file && was ? file->sha256 == was->sha256 : !file && !was;
}

/// @returns the file if it has to be read, or null.
const manifest_file* file_to_read(const manifest& m, std::string_view path,
                                  const manifest* before) {
  auto* file = m.find_file(path);
  auto is_readable = file && file->size_bytes > 0 && file->size_bytes <= card_source_bytes_max;
  return is_readable && !is_same(m, path, before) ? file : nullptr;
}

/// @param before without a card it may be from before there were any.
bool is_unchanged(const manifest_file& file, const manifest* before) {
  auto* was = before && !before->cards.empty() ? before->find_file(file.path) : nullptr;
  return was && was->sha256 == file.sha256;
}

} // namespace

std::vector<sha256_digest> cards_to_read(const manifest& m, const manifest* before) {
  std::vector<sha256_digest> objects;
  for (auto& file : m.files)
    if (is_model_file(file.path) && !is_unchanged(file, before))
      objects.push_back(file.sha256);
  for (auto& source : card_sources)
    if (auto* file = file_to_read(m, source.path, before))
      objects.push_back(file->sha256);
  return objects;
}

result<repository_card> read_repository_card(object_store& objects, const manifest& m,
                                             const manifest* before) {
  auto is_as_before = [&](auto& source) { return is_same(m, source.path, before); };
  if (std::all_of(card_sources.begin(), card_sources.end(), is_as_before))
    return before->card; // With what an origin knows of it.
  repository_card card;
  if (is_same(m, readme_path, before)) {
    card = before->card;
    card.config.clear();
  }
  for (auto& source : card_sources) {
    if (is_as_before(source))
      card.*source.part = before->card.*source.part;
    auto* file = file_to_read(m, source.path, before);
    if (!file)
      continue;
    auto bytes = objects.load(file->sha256, card_source_bytes_max);
    if (!bytes)
      return tl::unexpected{bytes.error()};
    card.*source.part = source.read(*bytes);
  }
  return card;
}

result<void> add_cards(object_store& objects, manifest& m, std::string_view category,
                       const manifest* before) {
  m.cards.clear();
  for (auto& file : m.files) {
    if (!is_model_file(file.path))
      continue;
    if (is_unchanged(file, before)) {
      if (auto* card = before->find_card(file.path))
        m.cards.push_back(*card);
      continue;
    }
    auto read = read_card_of(objects, file, category);
    if (!read && !is_client_error(read.error().code))
      return tl::unexpected{read.error()};
    if (!read) {
      log::info("http", "publishes a model file without a card path={} reason=\"{}\"", file.path,
                to_string(read.error()));
      continue;
    }
    auto& card = read->made.card;
    card.tensor_sha256 = read->tensors;
    if (!read->made.preview_bytes.empty()) {
      auto stored = objects.files().put(read->made.preview_bytes);
      if (!stored)
        return tl::unexpected{stored.error()};
      card.preview = *stored;
    }
    m.cards.push_back(std::move(card));
  }
  return {};
}

} // namespace shoal::http
