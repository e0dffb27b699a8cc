// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "core/net.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// The form in which nodes write numbers and bytes to each other: fixed numbers little endian,
/// others in groups of seven bits, the lowest first, the highest bit set on all but the last.
namespace shoal {

/// Bytes that a number takes at most.
inline constexpr size_t packed_number_bytes_max = 10;

/// Eight answers to yes or no.
class packed_flags {
public:
  explicit packed_flags(uint8_t first = 0) : value_{first} {}

  packed_flags& set(bool on, uint8_t flag) {
    value_ = on ? static_cast<uint8_t>(value_ | flag) : value_;
    return *this;
  }
  uint8_t value() const { return value_; }

private:
  uint8_t value_;
};

/// Writes where the caller says; there must be room.
class packed_writer {
public:
  explicit packed_writer(void* at) : at_{static_cast<uint8_t*>(at)} {}

  uint8_t* at() const { return at_; }

  template <std::unsigned_integral T>
  packed_writer& fixed(T x) {
    for (size_t i = 0; i < sizeof(T); ++i)
      *at_++ = static_cast<uint8_t>(x >> (8 * i));
    return *this;
  }

  packed_writer& number(uint64_t x) {
    for (; x >= 0x80; x >>= 7)
      *at_++ = static_cast<uint8_t>(x | 0x80);
    *at_++ = static_cast<uint8_t>(x);
    return *this;
  }

  packed_writer& bytes(std::string_view x) {
    at_ = std::copy(x.begin(), x.end(), at_);
    return *this;
  }

  /// Its length as a number, then the bytes.
  packed_writer& text(std::string_view x) { return number(x.size()).bytes(x); }

  /// Address and port in network order, 6 or 18 bytes.
  packed_writer& wire(const endpoint& x) {
    bytes(as_chars({x.address.bytes.data(), x.address.size()}));
    *at_++ = static_cast<uint8_t>(x.port >> 8);
    *at_++ = static_cast<uint8_t>(x.port);
    return *this;
  }

private:
  uint8_t* at_;
};

/// Appends what `write(packed_writer&)` writes.
/// @param bytes_max that it writes at most.
template <class F>
void append_packed(std::string& out, size_t bytes_max, F&& write) {
  auto before = out.size();
  out.resize(before + bytes_max);
  packed_writer w{out.data() + before};
  write(w);
  out.resize(static_cast<size_t>(reinterpret_cast<char*>(w.at()) - out.data()));
}

/// Appends fields one after the other, where how long they get is not known before.
class packed_text {
public:
  packed_text& number(uint64_t x) {
    append_packed(out_, packed_number_bytes_max, [&](packed_writer& w) { w.number(x); });
    return *this;
  }

  /// Eight bytes.
  packed_text& fixed(uint64_t x) {
    append_packed(out_, sizeof(x), [&](packed_writer& w) { w.fixed(x); });
    return *this;
  }

  template <class Id>
  packed_text& id(const Id& x) {
    out_ += x.chars();
    return *this;
  }

  packed_text& text(std::string_view x) {
    number(x.size());
    out_ += x;
    return *this;
  }

  /// The number of its bytes, then the bytes.
  packed_text& address(const ip_address& x) { return text(as_chars({x.bytes.data(), x.size()})); }

  /// 4 or 6, then address and port.
  packed_text& wire(const endpoint& x) {
    number(x.address.is_v4() ? 4 : 6);
    append_packed(out_, 18, [&](packed_writer& w) { w.wire(x); });
    return *this;
  }

  std::string take() { return std::move(out_); }

private:
  std::string out_;
};

/// Reads it. After the first failure nothing is left and everything that is read is zero or empty.
class packed_reader {
public:
  explicit packed_reader(std::string_view from) : rest_{from} {}

  bool good() const { return good_; }
  size_t left() const { return rest_.size(); }

  void spoil() {
    good_ = false;
    rest_ = {};
  }

  /// Spoils the rest unless the condition holds.
  void need(bool condition) {
    if (!condition)
      spoil();
  }

  template <std::unsigned_integral T>
  T fixed() {
    auto raw = bytes(sizeof(T));
    T x = 0;
    for (size_t i = 0; i < raw.size(); ++i)
      x = static_cast<T>(x | static_cast<T>(T{static_cast<uint8_t>(raw[i])} << (8 * i)));
    return x;
  }

  /// @param max a larger number spoils the rest.
  uint64_t number(uint64_t max = UINT64_MAX) {
    uint64_t x = 0;
    for (size_t i = 0; i < rest_.size() && i < packed_number_bytes_max; ++i) {
      auto byte = static_cast<uint8_t>(rest_[i]);
      if (i + 1 == packed_number_bytes_max && byte > 1)
        break;
      x |= uint64_t{byte & 0x7fu} << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        need(x <= max);
        return good_ ? x : 0;
      }
    }
    spoil();
    return 0;
  }

  uint32_t small() { return static_cast<uint32_t>(number(UINT32_MAX)); }

  bool flag() { return number(1) != 0; }

  std::string_view bytes(size_t count) {
    if (rest_.size() < count) {
      spoil();
      return {};
    }
    auto x = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return x;
  }

  /// @param max a longer one spoils the rest.
  std::string_view text(size_t max) { return bytes(static_cast<size_t>(number(max))); }

  template <class Id>
  Id id() {
    return Id::from_bytes(bytes(Id::size_bytes)).value_or(Id{});
  }

  ip_address address(ip_family family) {
    return family == ip_family::v4 ? ip_address::v4(array<4>()) : ip_address::v6(array<16>());
  }

  endpoint wire(ip_family family) {
    endpoint x;
    x.address = address(family);
    auto high = fixed<uint8_t>();
    x.port = static_cast<uint16_t>(high << 8 | fixed<uint8_t>());
    return x;
  }

private:
  template <size_t Size>
  std::array<uint8_t, Size> array() {
    std::array<uint8_t, Size> raw{};
    auto from = bytes(Size);
    std::copy(from.begin(), from.end(), raw.begin());
    return raw;
  }

  std::string_view rest_;
  bool good_ = true;
};

} // namespace shoal
