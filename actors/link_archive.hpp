// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"
#include "core/limits.hpp"

#ifndef MSGPACK_NO_BOOST
#define MSGPACK_NO_BOOST
#endif
#include <msgpack.hpp>

#include <concepts>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// Messages of actors on their way over a link: what a message's `inspect` names becomes a msgpack
/// array, in its order. Fields are only ever appended: a reader skips those that it does not know
/// and leaves those that are absent as they are.
namespace shoal {

namespace archive {

template <class T>
struct is_id : std::false_type {};
template <class Tag, size_t Size>
struct is_id<byte_id<Tag, Size>> : std::true_type {};

template <class T>
struct is_list : std::false_type {};
template <class T>
struct is_list<std::vector<T>> : std::true_type {};

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

} // namespace archive

/// Writes a message. An inspector of CAF's kind.
class archive_writer {
public:
  using result_type = void;

  template <class... Ts>
  void operator()(Ts&&... fields) {
    packer_.pack_array(sizeof...(fields));
    (write(fields), ...);
  }

  template <class T>
  void write(const T& x) {
    if constexpr (std::is_same_v<T, bool>) {
      x ? packer_.pack_true() : packer_.pack_false();
    } else if constexpr (std::is_enum_v<T>) {
      packer_.pack_uint64(static_cast<uint64_t>(x));
    } else if constexpr (std::unsigned_integral<T>) {
      packer_.pack_uint64(x);
    } else if constexpr (std::signed_integral<T>) {
      packer_.pack_int64(x);
    } else if constexpr (std::is_same_v<T, std::string>) {
      bytes(x);
    } else if constexpr (archive::is_id<T>::value) {
      bytes(x.chars());
    } else if constexpr (archive::is_optional<T>::value) {
      if (x)
        write(*x);
      else
        packer_.pack_nil();
    } else if constexpr (archive::is_list<T>::value) {
      packer_.pack_array(static_cast<uint32_t>(x.size()));
      for (auto& item : x)
        write(item);
    } else {
      // `inspect` serves both directions, so it takes what it will not change by reference.
      inspect(*this, const_cast<T&>(x));
    }
  }

  std::string take() const { return {buffer_.data(), buffer_.size()}; }

private:
  void bytes(std::string_view x) {
    packer_.pack_bin(static_cast<uint32_t>(x.size()));
    packer_.pack_bin_body(x.data(), static_cast<uint32_t>(x.size()));
  }

  msgpack::sbuffer buffer_;
  msgpack::packer<msgpack::sbuffer> packer_{buffer_};
};

/// Reads one. What is of a wrong kind spoils the rest; bounded whatever the bytes say.
class archive_reader {
public:
  using result_type = void;

  static constexpr size_t depth_max = 8;
  static constexpr size_t items_max = 16'384; ///< Of one list, or fields of one message.

  /// What lists may take of memory, the texts in them aside: those are in the input.
  static constexpr size_t list_bytes_max = size_t{4} << 20;

  explicit archive_reader(const msgpack::object& from) : at_{from} {}

  template <class... Ts>
  void operator()(Ts&&... fields) {
    if (at_.type != msgpack::type::ARRAY) {
      good_ = false;
      return;
    }
    std::span<const msgpack::object> rest{at_.via.array.ptr, at_.via.array.size};
    auto next = [&](auto& field) {
      if (rest.empty() || !good_)
        return;
      read(rest.front(), field);
      rest = rest.subspan(1);
    };
    (next(fields), ...);
  }

  template <class T>
  void read(const msgpack::object& from, T& x) {
    using kind = msgpack::type::object_type;
    if constexpr (std::is_same_v<T, bool>) {
      if (need(from.type == kind::BOOLEAN))
        x = from.via.boolean;
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      read(from, number);
      x = static_cast<T>(number);
    } else if constexpr (std::unsigned_integral<T>) {
      if (need(from.type == kind::POSITIVE_INTEGER
               && from.via.u64 <= std::numeric_limits<T>::max()))
        x = static_cast<T>(from.via.u64);
    } else if constexpr (std::signed_integral<T>) {
      read_signed(from, x);
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (need(from.type == kind::BIN))
        x.assign(from.via.bin.ptr, from.via.bin.size);
    } else if constexpr (archive::is_id<T>::value) {
      read_id(from, x);
    } else if constexpr (archive::is_optional<T>::value) {
      x.reset();
      if (from.type != kind::NIL)
        read(from, x.emplace());
    } else if constexpr (archive::is_list<T>::value) {
      read_list(from, x);
    } else {
      archive_reader inner{from};
      inner.room_ = room_;
      inspect(inner, x);
      room_ = inner.room_;
      need(inner.good());
    }
  }

  bool good() const { return good_; }

private:
  bool need(bool so) {
    good_ = good_ && so;
    return good_;
  }

  template <class T>
  void read_signed(const msgpack::object& from, T& x) {
    if (from.type == msgpack::type::NEGATIVE_INTEGER) {
      if (need(from.via.i64 >= std::numeric_limits<T>::min()))
        x = static_cast<T>(from.via.i64);
    } else if (need(from.type == msgpack::type::POSITIVE_INTEGER
                    && from.via.u64 <= static_cast<uint64_t>(std::numeric_limits<T>::max()))) {
      x = static_cast<T>(from.via.u64);
    }
  }

  template <class T>
  void read_id(const msgpack::object& from, T& x) {
    if (!need(from.type == msgpack::type::BIN && from.via.bin.size == T::size_bytes))
      return;
    x = *T::from_bytes(std::string_view{from.via.bin.ptr, from.via.bin.size});
  }

  template <class T>
  void read_list(const msgpack::object& from, std::vector<T>& x) {
    x.clear();
    if (!need(from.type == msgpack::type::ARRAY && from.via.array.size * sizeof(T) <= room_))
      return;
    room_ -= from.via.array.size * sizeof(T);
    x.resize(from.via.array.size);
    for (size_t i = 0; i < x.size() && good_; ++i)
      read(from.via.array.ptr[i], x[i]);
  }

  const msgpack::object& at_;
  size_t room_ = list_bytes_max;
  bool good_ = true;
};

template <class T>
std::string to_archive(const T& x) {
  archive_writer out;
  out.write(x);
  return out.take();
}

/// @errors ec::invalid_argument: that is no such message.
template <class T>
result<T> from_archive(std::string_view body) {
  constexpr std::string_view why = "a message of another node does not decode";
  if (body.size() > limits::link_body_bytes_max)
    return fail(ec::invalid_argument, std::string{why});
  auto refer = [](msgpack::type::object_type, size_t, void*) { return true; };
  msgpack::unpack_limit most(archive_reader::items_max, 0, body.size(), body.size(), 0,
                             archive_reader::depth_max);
  try {
    size_t end = 0;
    auto read = msgpack::unpack(body.data(), body.size(), end, refer, nullptr, most);
    T x{};
    archive_reader in{read.get()};
    in.read(read.get(), x);
    if (end == body.size() && in.good())
      return x;
  } catch (const std::exception&) { // msgpack's only way to refuse.
  }
  return fail(ec::invalid_argument, std::string{why});
}

} // namespace shoal
