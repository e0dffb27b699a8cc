// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"

/// The handlers of all dialects; http/routes.cpp says which path leads to which. Each group is a
/// source file of this folder.
namespace shoal::http {

// -- tracker.cpp: BEP 3 over HTTP -------------------------------------------------
task<> announce(exchange& ex);
task<> scrape(exchange& ex);

// -- websocket.cpp: the WebSocket tracker, at paths that have other answers as well ----
bool wants_websocket(const exchange& ex);
task<> open_websocket(exchange& ex);

// -- registry.cpp, registry_search.cpp, registry_torrent.cpp: Weightless ------------
task<> registry_lookup(exchange& ex);
task<> registry_register(exchange& ex);
task<> registry_remove(exchange& ex);
task<> registry_search(exchange& ex);
task<> registry_torrent(exchange& ex);
task<> registry_meta(exchange& ex);

// -- admin.cpp ------------------------------------------------------------------------
task<> blocklist_list(exchange& ex);
task<> blocklist_add(exchange& ex);
task<> blocklist_remove(exchange& ex);
task<> user_usage(exchange& ex);
task<> passkey_make(exchange& ex);

// -- acceptances.cpp: who has accepted which licence ------------------------------------
task<> acceptance_list(exchange& ex);

// -- catalog.cpp, health.cpp, publish.cpp: hf-bt and publishing -------------------------
task<> catalog_list(exchange& ex);
task<> model_revision(exchange& ex);
task<> publish_model(exchange& ex);
task<> remove_model(exchange& ex);
task<> bootstrap(exchange& ex);
task<> swarm_health(exchange& ex);
task<> torrent_file(exchange& ex);

// -- hub_*.cpp: Hugging Face -------------------------------------------------------------
task<> hub_models(exchange& ex);
task<> hub_datasets(exchange& ex);
task<> hub_spaces(exchange& ex);
task<> hub_model(exchange& ex);
task<> hub_dataset(exchange& ex);
task<> hub_space(exchange& ex);
task<> hub_model_post(exchange& ex);
task<> hub_dataset_post(exchange& ex);
task<> hub_space_post(exchange& ex);
task<> hub_model_file(exchange& ex);
task<> hub_model_raw(exchange& ex);
task<> hub_dataset_file(exchange& ex);
task<> hub_space_file(exchange& ex);
task<> hub_whoami(exchange& ex);
task<> hub_create(exchange& ex);
task<> hub_delete(exchange& ex);
task<> hub_model_lfs(exchange& ex);
task<> hub_dataset_lfs(exchange& ex);
task<> hub_space_lfs(exchange& ex);
task<> lfs_put(exchange& ex);

// -- webseed.cpp, objects.cpp: bytes ---------------------------------------------------
task<> webseed(exchange& ex);
task<> object_get(exchange& ex);
task<> object_put(exchange& ex);
task<> bulk_object(exchange& ex);
task<> bulk_pull(exchange& ex);

// -- uploads.cpp, in_place.cpp: what publishers bring beside whole objects --------------
task<> object_patch(exchange& ex);
task<> object_in_place(exchange& ex);

// -- agents.cpp: who seeds for the cluster -----------------------------------------------
task<> agent_list(exchange& ex);

// -- preheat.cpp: what is brought from an origin before anybody asks -----------------------
task<> preheat_begin(exchange& ex);
task<> preheat_list_all(exchange& ex);
task<> preheat_show(exchange& ex);
task<> preheat_events(exchange& ex);
task<> preheat_cancel(exchange& ex);

// -- swarmui.cpp: SwarmUI's models ------------------------------------------------------
task<> swarmui_session(exchange& ex);
task<> swarmui_manifest(exchange& ex);
task<> swarmui_accept(exchange& ex);
task<> swarmui_unknown(exchange& ex);
task<> swarmui_wrong_method(exchange& ex);
task<> swarmui_download(exchange& ex);

// -- signing.cpp: what nodes vouch for ---------------------------------------------------
task<> signing_keys(exchange& ex);
task<> signed_manifest(exchange& ex);

// -- stats.cpp: live statistics -----------------------------------------------------------
task<> stats(exchange& ex);
task<> swarm_details(exchange& ex);

// -- cluster.cpp: the nodes together ------------------------------------------------------
task<> cluster_status(exchange& ex);
task<> cluster_slots(exchange& ex);
task<> cluster_drain_state(exchange& ex);
task<> cluster_drain(exchange& ex);
task<> cluster_undrain(exchange& ex);
task<> cluster_rebalance(exchange& ex);

// -- site.cpp: the node itself ----------------------------------------------------------
task<> front_page(exchange& ex);
task<> health(exchange& ex);
task<> liveness(exchange& ex);
task<> metrics_page(exchange& ex);
task<> openapi(exchange& ex);

} // namespace shoal::http
