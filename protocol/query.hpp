// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal {

/// One parameter of a query string, still escaped, viewing the caller's bytes.
struct query_field {
  std::string_view name;  ///< Up to the first '='; empty for "=value".
  std::string_view value; ///< After the first '=', which may hold more of them.
  bool has_value = false; ///< Whether there is a '=' at all: "name" differs from "name=".

  bool operator==(const query_field&) const = default;
};

/// Walks the parameters of a raw query string (without '?') in order and without allocating.
/// Empty parameters ("a=1&&b=2", a leading or trailing '&') are skipped, repeated names are all
/// reported. Any input is a valid query. The viewed bytes must outlive the walk.
class query_view {
public:
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = query_field;
    using difference_type = std::ptrdiff_t;
    using pointer = const query_field*;
    using reference = const query_field&;

    iterator() = default;
    explicit iterator(std::string_view rest) : rest_(rest) { ++*this; }

    reference operator*() const { return field_; }
    pointer operator->() const { return &field_; }
    iterator& operator++();
    iterator operator++(int) {
      auto old = *this;
      ++*this;
      return old;
    }
    bool operator==(const iterator& other) const {
      return done_ == other.done_ && (done_ || field_.name.data() == other.field_.name.data());
    }

  private:
    std::string_view rest_;
    query_field field_;
    bool done_ = true;
  };

  explicit query_view(std::string_view raw) : raw_(raw) {}

  iterator begin() const { return iterator{raw_}; }
  iterator end() const { return iterator{}; }

private:
  std::string_view raw_;
};

/// The decoded parameters of a REST request ('+' is a space).
class query_params {
public:
  /// @returns all parameters in order.
  /// @errors ec::invalid_argument on a bad escape, ec::too_large on more than
  /// limits::query_fields_max parameters.
  static result<query_params> parse(std::string_view raw);

  /// @returns the first value under `name`; the empty text for a parameter without '='.
  std::optional<std::string> get(std::string_view name) const;

  /// @returns every value under `name`, in order.
  std::vector<std::string> all(std::string_view name) const;

  bool has(std::string_view name) const;

  size_t size() const { return fields_.size(); }

private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

} // namespace shoal
