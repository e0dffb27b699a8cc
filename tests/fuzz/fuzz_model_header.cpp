// SPDX-License-Identifier: Apache-2.0
#include "core/limits.hpp"
#include "protocol/digest.hpp"
#include "protocol/manifest.hpp"

#include <algorithm>

using namespace shoal;

namespace {

/// Whatever a file says, its card is one that a manifest may have.
void check_card(const file_header& header, std::string_view path) {
  for (auto category : {"", "lora"}) {
    auto made = make_card(path, header, category);
    if (!made.preview_bytes.empty())
      made.card.preview = sha256(made.preview_bytes);
    manifest m;
    m.id = *model_id::parse("o/m");
    m.rev = "r";
    m.files = {{std::string{path}, 1, {}, std::nullopt}};
    m.cards = {made.card};
    SHOAL_CHECK(validate(m) && decode_manifest(encode_manifest(m)) == m);
  }
}

void check_safetensors(std::span<const uint8_t> bytes) {
  auto length = safetensors_header_length(bytes, bytes.size());
  if (!length)
    return;
  auto text = as_chars(bytes.subspan(8, static_cast<size_t>(*length)));
  auto header = decode_safetensors(text, bytes.size() - 8 - *length);
  if (header)
    check_card(*header, "m.safetensors");
  else
    SHOAL_CHECK(is_client_error(header.error().code));
}

} // namespace

/// The first byte chooses the decoder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  std::span bytes{data + 1, size - 1};
  if (data[0] % 3 == 0) {
    check_safetensors(bytes);
  } else if (data[0] % 3 == 1) {
    if (auto header = decode_gguf(bytes))
      check_card(*header, "m.gguf");
  } else if (auto header = decode_safetensors(as_chars(bytes), 0)) {
    check_card(*header, "m.safetensors"); // Without a length, which takes long to guess.
  }
  return 0;
}
