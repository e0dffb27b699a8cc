// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/handlers.hpp"
#include "http/router.hpp"

#include <array>

namespace shoal::http {

namespace {

constexpr auto open = access::open;
constexpr auto writer = access::writer;
constexpr auto admin = access::admin;
constexpr auto plain = dialect::plain;
constexpr auto as_json = dialect::json;

// The tracker checks its rate limit itself, because it refuses in bencoded form.
constexpr std::array routes{
    route{method::get, "/announce", announce, open, plain},
    route{method::get, "/announce/{passkey}", announce, open, plain},
    route{method::get, "/scrape", scrape, open, plain},
    route{method::get, "/scrape/{passkey}", scrape, open, plain},

    route{method::get, "/api/registry", registry_lookup, open, plain, true},
    route{method::post, "/api/registry", registry_register, writer, plain, true},
    route{method::del, "/api/registry", registry_remove, writer, plain, true},
    route{method::get, "/api/registry/search", registry_search, open, plain, true},
    route{method::get, "/api/registry/torrent", registry_torrent, open, plain, true},
    route{method::get, "/api/registry/meta", registry_meta, open, plain, true},

    route{method::get, "/api/admin/blocklist", blocklist_list, admin, as_json},
    route{method::post, "/api/admin/blocklist", blocklist_add, admin, as_json},
    route{method::del, "/api/admin/blocklist", blocklist_remove, admin, as_json},
    route{method::get, "/api/admin/acceptances", acceptance_list, admin, as_json},
    route{method::get, "/api/users/{id}/usage", user_usage, admin, as_json},
    route{method::post, "/api/admin/passkey", passkey_make, admin, as_json},

    route{method::get, "/api/v1/catalog", catalog_list, open, as_json},
    route{method::get, "/api/v1/models/{name}/revs/{rev}", model_revision, open, as_json},
    route{method::put, "/api/v1/models/{name}/revs/{rev}", publish_model, writer, as_json},
    route{method::del, "/api/v1/models/{name}/revs/{rev}", remove_model, writer, as_json},
    route{method::get, "/api/v1/models/{ns}/{name}/revs/{rev}", model_revision, open, as_json},
    route{method::put, "/api/v1/models/{ns}/{name}/revs/{rev}", publish_model, writer, as_json},
    route{method::del, "/api/v1/models/{ns}/{name}/revs/{rev}", remove_model, writer, as_json},
    route{method::get, "/api/v1/models/{name}/revs/{rev}/manifest", signed_manifest, open, as_json},
    route{method::get, "/api/v1/models/{ns}/{name}/revs/{rev}/manifest", signed_manifest, open,
          as_json},
    route{method::get, "/.well-known/shoal-keys.json", signing_keys, open, as_json},
    route{method::get, "/api/v1/bootstrap", bootstrap, open, as_json},
    route{method::get, "/api/v1/health/swarm", swarm_health, open, as_json},
    route{method::get, "/torrents/{name}/{file}", torrent_file, open, as_json},
    route{method::get, "/torrents/{ns}/{name}/{file}", torrent_file, open, as_json},

    route{method::get, "/api/preheat", preheat_list_all, writer, as_json},
    route{method::post, "/api/preheat", preheat_begin, writer, as_json},
    route{method::get, "/api/preheat/{id}", preheat_show, writer, as_json},
    route{method::del, "/api/preheat/{id}", preheat_cancel, writer, as_json},
    route{method::get, "/api/preheat/{id}/events", preheat_events, writer, as_json},

    route{method::get, "/webseed/{*path}", webseed, open, as_json},
    route{method::get, "/api/objects/{sha256}", object_get, open, as_json},
    route{method::put, "/api/objects/{sha256}", object_put, writer, as_json},
    route{method::patch, "/api/objects/{sha256}", object_patch, writer, as_json},
    route{method::post, "/api/objects/in-place", object_in_place, writer, as_json},
    route{method::put, "/api/lfs/{sha256}", lfs_put, open, as_json},

    route{method::post, "/API/GetNewSession", swarmui_session, open, as_json, true, true},
    route{method::post, "/API/GetModelManifest", swarmui_manifest, open, as_json, true, true},
    route{method::post, "/API/AcceptLicense", swarmui_accept, open, as_json, true, true},
    route{method::post, "/API/{route}", swarmui_unknown, open, as_json},
    route{method::get, "/API/{route}", swarmui_wrong_method, open, as_json},
    route{method::get, "/DownloadModel/{*path}", swarmui_download, open, as_json, false, true},

    route{method::get, "/", front_page, open, plain},
    route{method::get, "/health", health, open, plain},
    route{method::get, "/livez", liveness, open, plain},
    route{method::get, "/metrics", metrics_page, open, plain},
    route{method::get, "/api/stats", stats, open, as_json},
    route{method::get, "/api/swarms/{hash}", swarm_details, admin, as_json},
    route{method::get, "/api/agents", agent_list, admin, as_json},
    route{method::get, "/api/cluster", cluster_status, open, as_json},
    route{method::get, "/api/cluster/slots", cluster_slots, open, as_json},
    route{method::get, "/api/cluster/drain", cluster_drain_state, admin, as_json},
    route{method::post, "/api/cluster/drain", cluster_drain, admin, as_json},
    route{method::post, "/api/cluster/undrain", cluster_undrain, admin, as_json},
    route{method::post, "/api/cluster/rebalance", cluster_rebalance, admin, as_json},
    route{method::get, "/openapi.json", openapi, open, as_json},

    // Last, because a model's id may be a word that is a path above.
    route{method::get, "/api/whoami-v2", hub_whoami, open, as_json},
    route{method::post, "/api/repos/create", hub_create, open, as_json},
    route{method::del, "/api/repos/delete", hub_delete, open, as_json},
    route{method::get, "/api/models", hub_models, open, as_json},
    route{method::get, "/api/datasets", hub_datasets, open, as_json},
    route{method::get, "/api/spaces", hub_spaces, open, as_json},
    route{method::get, "/api/models/{*path}", hub_model, open, as_json},
    route{method::get, "/api/datasets/{*path}", hub_dataset, open, as_json},
    route{method::get, "/api/spaces/{*path}", hub_space, open, as_json},
    route{method::post, "/api/models/{*path}", hub_model_post, open, as_json},
    route{method::post, "/api/datasets/{*path}", hub_dataset_post, open, as_json},
    route{method::post, "/api/spaces/{*path}", hub_space_post, open, as_json},
    route{method::post, "/datasets/{*path}", hub_dataset_lfs, open, as_json},
    route{method::post, "/spaces/{*path}", hub_space_lfs, open, as_json},
    route{method::post, "/{name}/info/lfs/objects/batch", hub_model_lfs, open, as_json},
    route{method::post, "/{ns}/{name}/info/lfs/objects/batch", hub_model_lfs, open, as_json},
    route{method::get, "/datasets/{*path}", hub_dataset_file, open, plain},
    route{method::get, "/spaces/{*path}", hub_space_file, open, plain},
    route{method::get, "/{name}/resolve/{*path}", hub_model_file, open, plain},
    route{method::get, "/{ns}/{name}/resolve/{*path}", hub_model_file, open, plain},
    route{method::get, "/{name}/raw/{*path}", hub_model_raw, open, plain},
    route{method::get, "/{ns}/{name}/raw/{*path}", hub_model_raw, open, plain},
};

constexpr std::array for_nodes{
    route{method::get, "/objects/{sha256}", bulk_object, open, plain},
    route{method::get, "/pulls", bulk_pull, open, plain},
};

} // namespace

std::span<const route> all_routes() {
  return routes;
}

std::span<const route> bulk_routes() {
  return for_nodes;
}

} // namespace shoal::http
