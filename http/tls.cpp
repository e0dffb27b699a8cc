// SPDX-License-Identifier: Apache-2.0
#include "http/tls.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <set>
#include <tuple>

namespace shoal::http {

namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* ptr) const {
    Free(ptr);
  }
};

void free_chain(STACK_OF(X509) * chain) {
  sk_X509_pop_free(chain, X509_free);
}

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using chain_ptr = std::unique_ptr<STACK_OF(X509), freed_by<free_chain>>;

struct certificate {
  x509_ptr leaf;
  chain_ptr chain;
  key_ptr key;
  certificate_dates dates; ///< Of the leaf.
};

bool matches(const certificate& c, const char* name) {
  return X509_check_host(c.leaf.get(), name, 0, 0, nullptr) == 1;
}

/// What the callbacks of a context work with; belongs to the context.
struct certificate_set {
  std::vector<certificate> all;
  std::string default_name; ///< For clients that name nobody whom we know.
  std::shared_ptr<ticket_keys> tickets;

  bool knows(const char* name) const {
    return std::any_of(all.begin(), all.end(), [&](auto& c) { return matches(c, name); });
  }
};

/// @returns a name of the certificate's owner, "" if it has none.
std::string name_of(const X509& leaf) {
  std::string found;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&leaf, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && found.empty(); ++i)
    if (auto* name = sk_GENERAL_NAME_value(names, i); name->type == GEN_DNS)
      found.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                   static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
  GENERAL_NAMES_free(names);
  std::array<char, 256> common{};
  if (found.empty()
      && X509_NAME_get_text_by_NID(X509_get_subject_name(&leaf), NID_commonName, common.data(),
                                   common.size())
             > 0)
    found = common.data();
  return found;
}

std::string last_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

tl::unexpected<error> bad_file(const std::string& path, const std::string& why) {
  return fail(ec::invalid_argument, "tls-cert: " + path + ": " + why);
}

/// @returns whether OpenSSL can make sense of it.
bool read_time(const ASN1_TIME* from, unix_seconds& to) {
  std::tm fields{};
  if (from == nullptr || ASN1_TIME_to_tm(from, &fields) != 1)
    return false;
  to = ::timegm(&fields);
  return true;
}

result<certificate> read_certificate(const certificate_files& files) {
  ERR_clear_error();
  bio_ptr from{BIO_new_file(files.chain.c_str(), "r")};
  if (!from)
    return bad_file(files.chain, last_error());
  certificate made;
  made.leaf.reset(PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr));
  if (!made.leaf)
    return bad_file(files.chain, last_error());
  made.chain.reset(sk_X509_new_null());
  while (auto* next = PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr))
    sk_X509_push(made.chain.get(), next);
  ERR_clear_error(); // The end of the file is one.
  bio_ptr key_from{BIO_new_file(files.key.c_str(), "r")};
  if (!key_from)
    return bad_file(files.key, last_error());
  // Without a callback OpenSSL would ask the terminal.
  auto no_password = [](char*, int, int, void*) { return -1; };
  made.key.reset(PEM_read_bio_PrivateKey(key_from.get(), nullptr, no_password, nullptr));
  if (!made.key)
    return bad_file(files.key, last_error());
  if (X509_check_private_key(made.leaf.get(), made.key.get()) != 1)
    return bad_file(files.key, "is not the key of " + files.chain);
  made.dates.file = files.chain;
  if (!read_time(X509_get0_notBefore(made.leaf.get()), made.dates.not_before)
      || !read_time(X509_get0_notAfter(made.leaf.get()), made.dates.not_after))
    return bad_file(files.chain, "has no dates that can be read");
  ERR_clear_error();
  return made;
}

/// Gives the connection the certificates of the name that it asked for.
int choose_certificates(SSL* ssl, void* set) {
  auto& known = *static_cast<certificate_set*>(set);
  auto* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr || !known.knows(name))
    name = known.default_name.c_str();
  SSL_certs_clear(ssl);
  for (auto& c : known.all) {
    auto fits = matches(c, name) || (&c == &known.all.front() && *name == '\0');
    // One for each kind of key: the last argument lets the first one win.
    if (fits)
      SSL_use_cert_and_key(ssl, c.leaf.get(), c.key.get(), c.chain.get(), 0);
  }
  ERR_clear_error();
  return 1;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr std::array<unsigned char, 9> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  auto* chosen = const_cast<unsigned char**>(out); // OpenSSL's older functions know no const.
  auto found
      = SSL_select_next_proto(chosen, out_size, ours.data(), ours.size(), offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

result<std::shared_ptr<SSL_CTX>> make_context() {
  std::shared_ptr<SSL_CTX> made{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  if (!made)
    return fail(ec::unavailable, last_error());
  auto* context = made.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                   | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA
                                   | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Forward secrecy and no CBC. @source RFC 9325 4.2
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  static constexpr std::array<unsigned char, 5> name{'s', 'h', 'o', 'a', 'l'};
  SSL_CTX_set_session_id_context(context, name.data(), name.size());
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  return made;
}

void free_set(void*, void* set, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<certificate_set*>(set);
}

/// Where contexts keep their certificate_set, which lives as long as they do: connections hold on
/// to their context, not to the tls_context.
int set_index() {
  static const auto index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_set);
  return index;
}

bool use_key(const ticket_keys::key& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
             EVP_MAC_CTX* mac, bool sealing) {
  auto secret = key.mac;
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 3> params{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  auto start = sealing ? EVP_EncryptInit_ex : EVP_DecryptInit_ex;
  return EVP_MAC_CTX_set_params(mac, params.data()) == 1
         && start(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv) == 1;
}

/// Seals or opens a ticket. @returns -1 failed, 0 no key: a whole handshake, 1 done, 2 done, but
/// the client should get a new one.
int handle_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                  EVP_MAC_CTX* mac, int sealing) {
  auto* set = static_cast<certificate_set*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), set_index()));
  constexpr size_t name_bytes = std::tuple_size_v<decltype(ticket_keys::key::name)>;
  if (!sealing) {
    auto known = set->tickets->for_opening({name, name_bytes}, mono_now());
    if (!known)
      return 0;
    if (!use_key(known->with, iv, cipher, mac, false))
      return -1;
    return known->renew ? 2 : 1;
  }
  auto key = set->tickets->for_sealing(mono_now());
  if (!key || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
    return -1;
  std::copy(key->name.begin(), key->name.end(), name);
  return use_key(*key, iv, cipher, mac, true) ? 1 : -1;
}

/// As Prometheus wants the value of a label.
std::string escaped(std::string_view text) {
  std::string out;
  for (auto c : text) {
    if (c == '\\' || c == '"')
      out += '\\';
    out += c == '\n' ? std::string{"\\n"} : std::string{c};
  }
  return out;
}

} // namespace

certificate_files certificate_files::parse(const std::string& text) {
  auto colon = text.find(':');
  if (colon == std::string::npos)
    return {text, text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::shared_ptr<ssl_ctx_st> tls_context::current() const {
  std::lock_guard guard{mutex_};
  return current_;
}

std::vector<certificate_dates> tls_context::dates() const {
  std::lock_guard guard{mutex_};
  return dates_;
}

void tls_context::add_metrics(metrics::registry& registry,
                              const std::vector<certificate_files>& files) const {
  std::set<std::string> shown; // A series stands there once.
  for (auto& one : files) {
    if (!shown.insert(one.chain).second)
      continue;
    auto until = [this, file = one.chain] {
      for (auto& each : dates())
        if (each.file == file)
          return double(each.not_after);
      return std::numeric_limits<double>::quiet_NaN(); // Before the first load.
    };
    registry.add_reader("shoal_tls_certificate_expiry_timestamp_seconds",
                        "When the certificate in use expires, in seconds since 1970",
                        "file=\"" + escaped(one.chain) + '"', until);
  }
}

result<void> tls_context::load(const std::vector<certificate_files>& files) {
  auto set = std::make_unique<certificate_set>();
  std::vector<certificate_dates> dates;
  for (auto& one : files) {
    auto read = read_certificate(one);
    if (!read)
      return tl::unexpected{read.error()};
    dates.push_back(read->dates);
    set->all.push_back(std::move(*read));
  }
  if (set->all.empty())
    return fail(ec::invalid_argument, "tls-cert: none is given");
  set->default_name = name_of(*set->all.front().leaf);
  auto made = make_context();
  if (!made)
    return tl::unexpected{made.error()};
  auto* context = made->get();
  // A key that is too weak for OpenSSL's security level fails here and not in each handshake.
  for (size_t i = 0; i < files.size(); ++i) {
    auto& c = set->all[i];
    if (SSL_CTX_use_cert_and_key(context, c.leaf.get(), c.key.get(), c.chain.get(), 1) != 1)
      return bad_file(files[i].chain, last_error());
  }
  SSL_CTX_set_cert_cb(context, choose_certificates, set.get());
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, handle_ticket);
  set->tickets = tickets_;
  SSL_CTX_set_ex_data(context, set_index(), set.release());
  std::lock_guard guard{mutex_};
  current_ = std::move(*made);
  dates_ = std::move(dates);
  return {};
}

} // namespace shoal::http
