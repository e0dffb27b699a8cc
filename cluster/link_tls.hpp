// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_config.hpp"
#include "core/clock.hpp"
#include "core/error.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

struct ssl_st;

namespace shoal::cluster {

/// PEM files. The certificate names its node (subjectAltName DNS, exactly the node id) and is for
/// servers and clients, as a node is both.
struct link_files {
  std::string ca;   ///< Whoever it vouches for is of the cluster.
  std::string cert; ///< The node's certificate first, then those between it and the authority.
  std::string key;  ///< Without a password.
};

using link_context = std::shared_ptr<boost::asio::ssl::context>;

/// Mutual TLS 1.3 for both ends of a link. Sessions are not resumed: each link looks at the other
/// side's certificate. @errors ec::invalid_argument and the file that cannot be used.
result<link_context> make_link_context(const link_files& files);

/// @returns when the certificate that a context shows expires: its last second. @errors
/// ec::corrupt.
result<unix_seconds> expiry_of(const link_context& context);

/// The names in the certificate of the other side, after the handshake.
link_certificate other_certificate(ssl_st* tls);

} // namespace shoal::cluster
