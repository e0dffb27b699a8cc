// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>

namespace shoal {

/// Names as model hubs have them: "org/Family-7B-Instruct-v0.3-GGUF-Q4_K_M", 20 to 60 characters.
class name_generator {
public:
  explicit name_generator(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t n) { return random_() % n; }

  std::string pick(std::initializer_list<const char*> words) {
    return words.begin()[below(words.size())];
  }

  std::string syllables(uint64_t count) {
    std::string word;
    for (; count > 0; --count)
      word += pick({"ka", "lo", "mi", "ran", "tes", "vor", "qui", "bel", "zan", "dro", "fy", "hu"});
    return word;
  }

  std::string name() {
    auto result = syllables(2 + below(2)) + "/";
    result += pick({"Llama-3", "Mistral", "Qwen2.5", "gemma-2", "Phi-3", "bert", "whisper", "flux",
                    "stable-diffusion-xl", "deepseek"});
    result
        += "-" + syllables(2 + below(3)) + "-" + pick({"7B", "8B", "13B", "70B", "1.5B", "base"});
    result += pick({"", "-Instruct", "-chat", "-LoRA", "-v0.3"});
    result += pick({"", "-GGUF", "-AWQ", "-GPTQ"}) + pick({"", "-Q4_K_M", "-Q8_0", "-fp16"});
    return result;
  }

  /// A piece of 2 to 9 characters of some name.
  std::string piece() {
    auto whole = name();
    auto size = 2 + below(8);
    return whole.substr(below(whole.size() - size), size);
  }

  std::string category() { return pick({"models", "models", "models", "datasets", "tools"}); }

  std::string tags() {
    return pick({"llm", "llm,fp16", "vision", "llm,gguf,q4", "audio,speech", ""});
  }

private:
  std::mt19937_64 random_;
};

/// @returns 32 bytes that look like a hash.
inline std::string key_of(uint64_t number) {
  std::string key(32, '\0');
  for (size_t i = 0; i < 4; ++i) {
    auto part = mix_bits(number * 4 + i + 1);
    std::copy_n(reinterpret_cast<const char*>(&part), 8, key.begin() + ptrdiff_t(8 * i));
  }
  return key;
}

} // namespace shoal
