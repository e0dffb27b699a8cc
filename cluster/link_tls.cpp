// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_tls.hpp"

#include "core/limits.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace shoal::cluster {

namespace asio = boost::asio;

namespace {

tl::unexpected<error> cannot(const std::string& file, const boost::system::error_code& why) {
  return fail(ec::invalid_argument, "cannot use '" + file + "' for links: " + why.message());
}

} // namespace

result<link_context> make_link_context(const link_files& files) {
  auto made = std::make_shared<asio::ssl::context>(asio::ssl::context::tls);
  auto* raw = made->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_max_cert_list(raw, static_cast<long>(limits::link_certificates_bytes_max));
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  boost::system::error_code wrong;
  made->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, wrong);
  made->load_verify_file(files.ca, wrong);
  if (wrong)
    return cannot(files.ca, wrong);
  made->use_certificate_chain_file(files.cert, wrong);
  if (wrong)
    return cannot(files.cert, wrong);
  // Without a callback OpenSSL would ask the terminal.
  made->set_password_callback([](auto, auto) { return std::string{}; }, wrong);
  made->use_private_key_file(files.key, asio::ssl::context::pem, wrong);
  if (wrong)
    return cannot(files.key, wrong);
  if (SSL_CTX_check_private_key(raw) != 1) {
    ERR_clear_error();
    return fail(ec::invalid_argument,
                "'" + files.key + "' is not the key of '" + files.cert + '\'');
  }
  return made;
}

result<unix_seconds> expiry_of(const link_context& context) {
  auto* shown = SSL_CTX_get0_certificate(context->native_handle());
  std::tm fields{};
  if (shown == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(shown), &fields) != 1)
    return fail(ec::corrupt, "a certificate without an end");
  return ::timegm(&fields);
}

link_certificate other_certificate(ssl_st* tls) {
  link_certificate made{true, {}};
  std::unique_ptr<X509, void (*)(X509*)> leaf{SSL_get1_peer_certificate(tls), X509_free};
  if (!leaf)
    return made;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(leaf.get(), NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i)
    if (auto* name = sk_GENERAL_NAME_value(names, i); name->type == GEN_DNS)
      made.names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                              static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
  GENERAL_NAMES_free(names);
  return made;
}

} // namespace shoal::cluster
