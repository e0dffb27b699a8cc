// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.file_header

#include "protocol/file_header.hpp"

#include "core/hex.hpp"
#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

std::string little_endian(uint64_t value, size_t bytes) {
  std::string text;
  for (; bytes > 0; --bytes, value >>= 8)
    text += static_cast<char>(value & 255);
  return text;
}

std::string gguf_text(std::string_view text) {
  return little_endian(text.size(), 8).append(text);
}

std::string gguf_pair(std::string_view key, std::string_view value) {
  return gguf_text(key) + little_endian(8, 4) + gguf_text(value);
}

std::string gguf_start(uint64_t values, uint32_t version = 3) {
  return "GGUF" + little_endian(version, 4) + little_endian(7, 8) + little_endian(values, 8);
}

result<file_header> read_gguf(const std::string& bytes) {
  return decode_gguf(as_bytes(bytes));
}

constexpr auto two_tensors = R"({"__metadata__":{"modelspec.title":"T","other":"x"},)"
                             R"("b":{"dtype":"F16","shape":[2,2],"data_offsets":[4,12]},)"
                             R"("a.lora_A.weight":{"dtype":"I32","shape":[],)"
                             R"("data_offsets":[0,4]}}   )";

} // namespace

CAF_TEST(the length of a safetensors header is its first eight bytes) {
  auto start = little_endian(0x0102, 8);
  CAF_CHECK(safetensors_header_length(as_bytes(start), 5'000) == 0x0102u);
  CAF_CHECK(!safetensors_header_length(as_bytes(start), 0x0102 + 7));
  CAF_CHECK(safetensors_header_length(as_bytes(start), 0x0102 + 8));
  CAF_CHECK(!safetensors_header_length(as_bytes(start).first(7), 5'000));
  auto huge = little_endian(limits::model_header_bytes_max + 1, 8);
  CAF_CHECK(safetensors_header_length(as_bytes(huge), uint64_t{1} << 50).error().code
            == ec::too_large);
  auto endless = little_endian(UINT64_MAX, 8);
  CAF_CHECK(!safetensors_header_length(as_bytes(endless), UINT64_MAX));
}

CAF_TEST(a safetensors header gives words and what tensors are called) {
  auto header = decode_safetensors(two_tensors, 12);
  CAF_REQUIRE(header);
  CAF_CHECK_EQUAL(header->tensor_count, 2u);
  CAF_CHECK_EQUAL(header->words.size(), 1u);
  CAF_CHECK_EQUAL(header->words["modelspec.title"], "T");
  CAF_CHECK(header->traits.adapter && !header->traits.sdxl && !header->is_gguf);
  CAF_CHECK(decode_safetensors("{}", 0));
}

CAF_TEST(tensors fill the file without holes and overlaps) {
  CAF_CHECK(!decode_safetensors(two_tensors, 13));
  CAF_CHECK(!decode_safetensors(two_tensors, 11));
  auto tensor = [](std::string_view offsets, std::string_view shape = "[4]") {
    return R"({"t":{"dtype":"U8","shape":)" + std::string{shape} + R"(,"data_offsets":)"
           + std::string{offsets} + "}}";
  };
  CAF_CHECK(decode_safetensors(tensor("[0,4]"), 4));
  for (auto bad : {"[1,5]", "[4,0]", "[0,5]", "[0]", "[0,2,4]", "[]", "[0,-4]", "[0,4.0]", "4",
                   "[[0,4]]", "[0,18446744073709551615]"})
    CAF_CHECK(!decode_safetensors(tensor(bad), 4));
  for (auto bad : {"[5]", "[2,3]", "[-4]", "[4294967296,4294967296,4294967296]", "[[4]]"})
    CAF_CHECK(!decode_safetensors(tensor("[0,4]", bad), 4));
  CAF_CHECK(!decode_safetensors(R"({"t":{"dtype":"U8","shape":[4]}})", 4));
}

CAF_TEST(what is no header is refused) {
  for (auto bad : {"", "[]", "{", "x", " {}", R"({"t":1})", R"({"t":{"a":{"b":{}}}})",
                   R"({"__metadata__":{"modelspec.title":["x"]}})", "{}{}"})
    CAF_CHECK(!decode_safetensors(bad, 0));
  CAF_CHECK(!decode_safetensors("{\"__metadata__\":{\"title\":\"\xff\"}}", 0));
  std::string deep = "{\"t\":{\"shape\":" + std::string(10'000, '[');
  CAF_CHECK(!decode_safetensors(deep, 0));
}

CAF_TEST(words are cut where a character ends) {
  std::string long_text(limits::card_text_bytes_max - 1, 'a');
  auto text = R"({"__metadata__":{"title":")" + long_text + "\xc3\xbc" + R"("}})";
  auto header = decode_safetensors(text, 0);
  CAF_REQUIRE(header);
  CAF_CHECK_EQUAL(header->words["title"], long_text);
  CAF_CHECK_EQUAL(card_text("a\xff\xc3", 10), "a??");
  CAF_CHECK_EQUAL(card_text("\xc3\xbc\xc3\xbc", 3), "\xc3\xbc");
}

CAF_TEST(a gguf file gives its general words) {
  auto list = gguf_text("general.tags") + little_endian(9, 4) + little_endian(8, 4)
              + little_endian(2, 8) + gguf_text("x") + gguf_text("y");
  auto numbers = gguf_text("n") + little_endian(9, 4) + little_endian(4, 4) + little_endian(3, 8)
                 + std::string(12, 'z');
  auto number = gguf_text("m") + little_endian(10, 4) + std::string(8, 'z');
  auto header = read_gguf(gguf_start(5) + gguf_pair("general.architecture", "llama") + numbers
                          + number + list + gguf_pair("general.name", "L"));
  CAF_REQUIRE(header);
  CAF_CHECK(header->is_gguf);
  CAF_CHECK_EQUAL(header->tensor_count, 7u);
  CAF_CHECK_EQUAL(header->words["general.architecture"], "llama");
  CAF_CHECK_EQUAL(header->words["general.tags"], "x,y");
  CAF_CHECK_EQUAL(header->words["general.name"], "L");
}

CAF_TEST(what comes before the end of a cut gguf file counts) {
  auto whole = gguf_start(2) + gguf_pair("general.name", "L") + gguf_pair("general.author", "A");
  auto header = read_gguf(whole.substr(0, whole.size() - 1));
  CAF_REQUIRE(header);
  CAF_CHECK_EQUAL(header->words.size(), 1u);
}

CAF_TEST(other gguf files are refused) {
  CAF_CHECK(read_gguf(gguf_start(0, 1)).error().code == ec::unsupported);
  CAF_CHECK(read_gguf(gguf_start(0, 0x03000000)).error().code == ec::unsupported);
  CAF_CHECK(!read_gguf("GGUF"));
  CAF_CHECK(!read_gguf("GGML" + std::string(40, '\0')));
  auto endless = gguf_start(1) + gguf_text("general.name") + little_endian(8, 4)
                 + little_endian(UINT64_MAX, 8);
  CAF_CHECK(read_gguf(endless)->words.empty());
  auto nested = gguf_start(1) + gguf_text("a") + little_endian(9, 4) + little_endian(9, 4)
                + little_endian(1, 8);
  CAF_CHECK(read_gguf(nested)->words.empty());
  auto many = gguf_start(1) + gguf_text("a") + little_endian(9, 4) + little_endian(12, 4)
              + little_endian(UINT64_MAX / 4, 8);
  CAF_CHECK(read_gguf(many)->words.empty());
}
