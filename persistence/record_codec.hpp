// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/ids.hpp"
#include "core/limits.hpp"

#ifndef MSGPACK_NO_BOOST
#define MSGPACK_NO_BOOST
#endif
#include <msgpack.hpp>

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// How a record's fields become a msgpack array and come back. Only records.cpp includes this.
namespace shoal::codec {

inline constexpr uint32_t record_version = 1;
inline constexpr size_t fields_max = 256;    ///< Ours and those of newer programs.
inline constexpr size_t entry_keys_max = 64; ///< Torrents of one revision.
inline constexpr size_t depth_max = 4;

/// Writes fields in their order.
class record_writer {
public:
  explicit record_writer(uint32_t fields) : packer_(buffer_) {
    packer_.pack_array(fields + 1);
    packer_.pack_uint32(record_version);
  }

  record_writer& text(std::string_view x) {
    packer_.pack_str(static_cast<uint32_t>(x.size()));
    packer_.pack_str_body(x.data(), static_cast<uint32_t>(x.size()));
    return *this;
  }

  record_writer& bytes(std::string_view x) {
    packer_.pack_bin(static_cast<uint32_t>(x.size()));
    packer_.pack_bin_body(x.data(), static_cast<uint32_t>(x.size()));
    return *this;
  }

  template <class Id>
  record_writer& id(const std::optional<Id>& x) {
    if (x)
      return bytes(x->chars());
    packer_.pack_nil();
    return *this;
  }

  record_writer& keys(const std::vector<std::string>& xs) {
    packer_.pack_array(static_cast<uint32_t>(xs.size()));
    for (const auto& x : xs)
      bytes(x);
    return *this;
  }

  record_writer& number(uint64_t x) {
    packer_.pack_uint64(x);
    return *this;
  }

  record_writer& time(unix_seconds x) {
    packer_.pack_int64(x);
    return *this;
  }

  record_writer& flag(bool x) {
    x ? packer_.pack_true() : packer_.pack_false();
    return *this;
  }

  std::string take() { return {buffer_.data(), buffer_.size()}; }

private:
  msgpack::sbuffer buffer_;
  msgpack::packer<msgpack::sbuffer> packer_;
};

/// Reads fields in their order. The first one of a wrong kind spoils the rest; fields that an older
/// program did not write are left alone.
class record_reader {
public:
  explicit record_reader(std::string_view input) {
    if (input.size() > limits::record_bytes_max)
      return;
    msgpack::unpack_limit limit(fields_max, 0, input.size(), input.size(), 0, depth_max);
    try {
      size_t end = 0;
      handle_ = msgpack::unpack(input.data(), input.size(), end, refer, nullptr, limit);
      if (end != input.size() || handle_->type != msgpack::type::ARRAY)
        return;
    } catch (const std::exception&) { // msgpack's only way to refuse.
      return;
    }
    fields_ = {handle_->via.array.ptr, handle_->via.array.size};
    uint64_t version = 0;
    good_ = true;
    number(version);
    // A later version only appends, so what we know of it can be read.
    good_ = good_ && version >= record_version;
  }

  record_reader& text(std::string& out) {
    if (auto* field = next(msgpack::type::STR))
      out.assign(field->via.str.ptr, field->via.str.size);
    return *this;
  }

  record_reader& bytes(std::string& out) {
    if (auto* field = next(msgpack::type::BIN))
      out = view(*field);
    return *this;
  }

  template <class Id>
  record_reader& id(Id& out) {
    if (auto* field = next(msgpack::type::BIN))
      assign(out, *field);
    return *this;
  }

  template <class Id>
  record_reader& id(std::optional<Id>& out) {
    if (!fields_.empty() && fields_.front().type == msgpack::type::NIL) {
      fields_ = fields_.subspan(1);
      return *this;
    }
    if (auto* field = next(msgpack::type::BIN))
      assign(out.emplace(), *field);
    return *this;
  }

  record_reader& keys(std::vector<std::string>& out) {
    auto* field = next(msgpack::type::ARRAY);
    if (!field)
      return *this;
    good_ = field->via.array.size <= entry_keys_max;
    for (uint32_t i = 0; good_ && i < field->via.array.size; ++i) {
      const auto& item = field->via.array.ptr[i];
      good_ = item.type == msgpack::type::BIN;
      if (good_)
        out.emplace_back(view(item));
    }
    return *this;
  }

  record_reader& number(uint64_t& out) {
    if (auto* field = next(msgpack::type::POSITIVE_INTEGER))
      out = field->via.u64;
    return *this;
  }

  record_reader& time(unix_seconds& out) {
    if (!fields_.empty() && fields_.front().type == msgpack::type::NEGATIVE_INTEGER) {
      out = fields_.front().via.i64;
      fields_ = fields_.subspan(1);
    } else if (auto* field = next(msgpack::type::POSITIVE_INTEGER)) {
      good_ = field->via.u64 <= uint64_t{std::numeric_limits<unix_seconds>::max()};
      out = static_cast<unix_seconds>(field->via.u64);
    }
    return *this;
  }

  record_reader& flag(bool& out) {
    if (auto* field = next(msgpack::type::BOOLEAN))
      out = field->via.boolean;
    return *this;
  }

  bool good() const { return good_; }

private:
  /// Strings refer to the input instead of being copied.
  static bool refer(msgpack::type::object_type, size_t, void*) { return true; }

  static std::string_view view(const msgpack::object& x) { return {x.via.bin.ptr, x.via.bin.size}; }

  template <class Id>
  void assign(Id& out, const msgpack::object& field) {
    auto id = Id::from_bytes(view(field));
    good_ = id.has_value();
    if (id)
      out = *id;
  }

  const msgpack::object* next(msgpack::type::object_type type) {
    if (!good_ || fields_.empty())
      return nullptr;
    const auto* field = &fields_.front();
    fields_ = fields_.subspan(1);
    good_ = field->type == type;
    return good_ ? field : nullptr;
  }

  msgpack::object_handle handle_;
  std::span<const msgpack::object> fields_;
  bool good_ = false;
};

} // namespace shoal::codec
