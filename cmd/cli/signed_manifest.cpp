// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/signed_manifest.hpp"

#include "cmd/cli/output.hpp"
#include "protocol/digest.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace shoal::cli {

namespace {

using nlohmann::json;

tl::unexpected<failure> not_trusted(const error& err) {
  return refuse(exit_code::refused, "the manifest is not to be trusted: " + to_string(err));
}

outcome<std::string> key_text(http_client& client, const std::string& file) {
  if (file.empty()) {
    http_request request;
    request.path = "/.well-known/shoal-keys.json";
    return client.send_ok(request).map([](http_response x) { return std::move(x.body); });
  }
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  if (!in || !(text << in.rdbuf()))
    return refuse(exit_code::local_trouble, "cannot read the keys: " + file);
  return text.str();
}

outcome<std::vector<verification_key>> trusted_keys(http_client& client,
                                                    const trust_options& trust) {
  auto text = key_text(client, trust.keys_file);
  if (!text)
    return tl::unexpected<failure>(text.error());
  auto keys = parse_key_set(*text);
  if (!keys)
    return not_trusted(keys.error());
  if (!trust.trusted.empty())
    std::erase_if(*keys, [&](auto& key) {
      return std::find(trust.trusted.begin(), trust.trusted.end(), key.id) == trust.trusted.end();
    });
  return std::move(*keys);
}

} // namespace

void trust_options::add_to(CLI::App& command) {
  command.add_option("--keys", keys_file, "Keys that may have signed; default: the server's own")
      ->type_name("FILE");
  command.add_option("--trust", trusted, "Only this one of them; may be repeated")
      ->type_name("KEY-ID");
}

outcome<signed_manifest> check_signed_manifest(http_client& client, json document,
                                               const trust_options& trust) {
  auto keys = trusted_keys(client, trust);
  if (!keys)
    return tl::unexpected<failure>(keys.error());
  auto key = verify_document(document, *keys);
  if (!key)
    return not_trusted(key.error());
  auto content = document.find("manifest");
  if (content == document.end())
    return refuse(exit_code::refused, "the signed document has no manifest");
  auto text = canonical_json(*content);
  if (member_text(document, "digest") != sha256(text).hex())
    return refuse(exit_code::refused, "the signed document's digest is not that of its manifest");
  auto m = decode_manifest(text);
  if (!m)
    return not_trusted(m.error());
  auto at = static_cast<unix_seconds>(member_number(document["signature"], "signed_at"));
  return signed_manifest{std::move(*m), std::move(*key), at, std::move(document)};
}

outcome<signed_manifest> fetch_signed_manifest(http_client& client, const target& about,
                                               const trust_options& trust) {
  auto document = client.fetch_json(about.api_path() + "/manifest");
  if (!document)
    return tl::unexpected<failure>(document.error());
  auto checked = check_signed_manifest(client, std::move(*document), trust);
  // Else a signed manifest of something else would pass.
  if (checked && (checked->content.id != about.id || checked->content.rev != about.rev))
    return refuse(exit_code::refused, "the server's manifest is of "
                                          + ref_key(checked->content.id, checked->content.rev));
  return checked;
}

} // namespace shoal::cli
