// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "http/exchange.hpp"
#include "protocol/manifest.hpp"

#include <memory>

/// Published revisions as a shelf of model files, which is how user interfaces see them.
namespace shoal::http {

/// A model file of a revision.
struct shelf_item {
  revision what;
  std::shared_ptr<const manifest> files;
  const manifest_file* file = nullptr; ///< Of `files`.
  model_card card;                     ///< The manifest's, or a plain one.
};

/// A revision with its files.
struct shelf_revision {
  revision what;
  std::shared_ptr<const manifest> files;
};

/// Finds what "main" stands for in a model. @errors ec::not_found.
task<result<shelf_revision>> find_model(exchange& ex, std::string id, bool with_private);

/// "ns/name/path" without ".safetensors" at the end.
std::string shelf_name(const shelf_item& item);

struct shelf_ask {
  std::string_view subtype; ///< One of `model_subtypes`.
  bool with_private = false;
  uint32_t models_max = 0;
  std::string after; ///< The id of the last model of the list before.
};

struct shelf_page {
  std::vector<shelf_item> items;
  std::string next; ///< What to ask for next; empty: that was all.
};

/// Lists model files of what "main" stands for in each model, by its id. A model's files are never
/// torn apart, so a list may be longer than asked for.
task<result<shelf_page>> list_shelf(exchange& ex, shelf_ask ask);

/// Finds a model file by its name (also "ns/name@rev/path"), or by the SHA-256 of the file or of
/// its tensors, the latter also with "0x" before it.
/// @errors ec::not_found; ec::rate_limited: too many hashes that nobody knows.
task<result<shelf_item>> find_on_shelf(exchange& ex, std::string identifier, bool with_private);

} // namespace shoal::http
