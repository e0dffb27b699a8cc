// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Where things stand in the coordination service. Everything of one cluster lies below one prefix
/// (setting `cluster-prefix`, default "shoal/"), so that several clusters can share an etcd.
///
///     shoal/cluster                  identity of the cluster: its id and format version
///     shoal/migration                a registry that is moved in: whose, and how far it is
///     shoal/nodes/NODE               a node's record; hangs on the node's lease
///     shoal/slots/HH/owner           who owns the slot: node id and incarnation; hangs on
///                                    its lease. It is written only when the slot changes hands:
///                                    the revision of the last write is the slot's epoch
///     shoal/slots/HH/standby         the same for the standby
///     shoal/drains/NODE              somebody wants that node to give up its slots
///     shoal/keys/NAME                shared secrets with their generations
///     shoal/data/TABLE/KEY           the registry: persistence's tables; KEY is raw bytes
///     shoal/data/barriers/NODE       written to learn that a watch of the data is up to date, and
///                                    as a witness of etcd's history (range_witness); never erased
///     shoal/flushes/NODE/SEQUENCE    flushes of counters already applied (idempotence)
///     shoal/flushers/NODE            whose counters count: the incarnation that flushes for a node
///     shoal/lanes/NODE/LANE          the last transaction of each lane on which a node commits:
///                                    its incarnation and number
///
/// HH is the slot in two lower-case hexadecimal digits. A node follows each family as one range.
namespace shoal::cluster {

class key_space {
public:
  /// @param prefix 0..64 bytes; usually ends with '/'.
  explicit key_space(std::string prefix) : prefix_{std::move(prefix)} {}

  std::string identity() const { return prefix_ + "cluster"; }

  std::string migration() const { return prefix_ + "migration"; }

  std::string nodes() const { return prefix_ + "nodes/"; }
  std::string node(std::string_view node_id) const { return nodes() + std::string{node_id}; }

  std::string slots() const { return prefix_ + "slots/"; }
  std::string owner(size_t slot) const { return slots() + two_digits(slot) + "/owner"; }
  std::string standby(size_t slot) const { return slots() + two_digits(slot) + "/standby"; }

  std::string drains() const { return prefix_ + "drains/"; }
  std::string drain(std::string_view node_id) const { return drains() + std::string{node_id}; }

  std::string keys() const { return prefix_ + "keys/"; }
  std::string shared_key(std::string_view name) const { return keys() + std::string{name}; }

  std::string data() const { return prefix_ + "data/"; }
  std::string data(std::string_view table, std::string_view key) const {
    return data() + std::string{table} + '/' + std::string{key};
  }

  std::string flushes() const { return prefix_ + "flushes/"; }
  /// @param id "NODE/SEQUENCE".
  std::string flush(std::string_view id) const { return flushes() + std::string{id}; }

  std::string flusher(std::string_view node_id) const {
    return prefix_ + "flushers/" + std::string{node_id};
  }

  std::string lane(std::string_view node_id, size_t lane) const {
    return prefix_ + "lanes/" + std::string{node_id} + '/' + std::to_string(lane);
  }

private:
  static std::string two_digits(size_t slot) {
    constexpr char digits[] = "0123456789abcdef";
    return {digits[slot >> 4 & 15], digits[slot & 15]};
  }

  std::string prefix_;
};

} // namespace shoal::cluster
