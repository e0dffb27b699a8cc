// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/context.hpp"

namespace shoal::cli {

// Each adds one command (the hf-bt ones: several) to `app`. `ctx` outlives the parsing.
void add_publish(CLI::App& app, context& ctx);
void add_get(CLI::App& app, context& ctx);
void add_seed(CLI::App& app, context& ctx);
void add_preheat(CLI::App& app, context& ctx);
void add_torrentify(CLI::App& app, context& ctx);
void add_search(CLI::App& app, context& ctx);
void add_show(CLI::App& app, context& ctx);
void add_torrent(CLI::App& app, context& ctx);
void add_magnet(CLI::App& app, context& ctx);
void add_rm(CLI::App& app, context& ctx);
void add_status(CLI::App& app, context& ctx);
void add_passkey(CLI::App& app, context& ctx);
void add_migrate(CLI::App& app, context& ctx);
void add_cluster(CLI::App& app, context& ctx);
void add_verify(CLI::App& app, context& ctx);
void add_completion(CLI::App& app, context& ctx);

/// catalog, model, bootstrap and health.
void add_catalog(CLI::App& app, context& ctx);
void add_webseed(CLI::App& app, context& ctx);

} // namespace shoal::cli
