// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "protocol/model_id.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// What a repository says of itself: which library loads it and which task it does, as programs ask
/// before they use it. @source Hugging Face's API; transformers `pipelines.get_task`
namespace shoal {

inline constexpr std::string_view readme_path = "README.md";
inline constexpr std::string_view model_config_path = "config.json";
inline constexpr size_t card_source_bytes_max = 1024 * 1024; ///< Larger ones are not read.
inline constexpr size_t card_data_bytes_max = 64 * 1024;
inline constexpr size_t card_words_max = 256;      ///< Tags.
inline constexpr size_t card_word_bytes_max = 256; ///< A tag, a task, the name of a library.

/// Kept with the manifest. Revisions that were published before there was this have none.
struct repository_card {
  std::string data;   ///< JSON object: the README's front matter. Empty if there is none.
  std::string config; ///< JSON object: "architectures" and "model_type" of config.json, or empty.

  // What an origin says, which may know it from elsewhere; else empty.
  std::string pipeline_tag;
  std::string library_name;
  std::vector<std::string> tags;

  bool is_empty() const { return *this == repository_card{}; }
  bool operator==(const repository_card&) const = default;
};

/// @returns the card's `data` of a README; empty if it says nothing that can be understood.
std::string card_data_of(std::string_view readme);

/// @returns the card's `config` of a config.json; empty if it says nothing of that.
std::string card_config_of(std::string_view json);

/// @returns what an origin says of a repository. @param info of `/api/models/{id}/revision/{rev}`.
repository_card card_of_info(const nlohmann::json& info);

/// Form in manifests. An empty card is an empty object.
nlohmann::json to_json(const repository_card& card);

/// @errors ec::invalid_argument.
result<repository_card> repository_card_from_json(const nlohmann::json& doc);

/// What is shown of a repository.
struct repository_profile {
  std::string pipeline_tag;
  std::string library_name;
  std::string license;
  std::vector<std::string> tags; ///< Each once; without the licence.
};

/// Completes what the card leaves out by what the files are called and the model's classes.
/// @param has whether the repository has a file of that path.
repository_profile profile_of(const repository_card& card,
                              const std::function<bool(std::string_view)>& has);

} // namespace shoal
