// SPDX-License-Identifier: Apache-2.0
#include "cmd/option_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace shoal::cmd {

namespace {

option make(std::string key, std::string help) {
  option o;
  auto last = key.substr(key.rfind('.') + 1);
  o.flag = "--" + last;
  std::string env = "SHOAL_";
  for (auto c : last)
    env += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  o.env = {env};
  o.key = std::move(key);
  o.help = std::move(help);
  return o;
}

template <class T>
result<T> parse_number(const std::string& text, T min, T max) {
  T value{};
  auto* end = text.data() + text.size();
  auto [stop, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc{} || stop != end)
    return fail(ec::invalid_argument, fmt::format("\"{}\" is no number", text));
  if (!(value >= min && value <= max)) // Neither holds for "nan".
    return fail(ec::invalid_argument, fmt::format("{} is not in {}..{}", text, min, max));
  return value;
}

template <class T>
option number_setting(std::string key, T& field, std::string help, T min, T max) {
  auto o = make(std::move(key), fmt::format("{} ({}..{})", help, min, max));
  o.quoted = false;
  o.set = [&field, min, max](const std::vector<std::string>& texts) -> result<void> {
    auto value = parse_number<T>(texts.front(), min, max);
    if (!value)
      return tl::unexpected{value.error()};
    field = *value;
    return {};
  };
  o.show = [&field] { return std::vector{fmt::format("{}", field)}; };
  return o;
}

/// Binds a list whose elements are parsed one by one.
template <class T, class Parse>
option list_setting(std::string key, std::vector<T>& field, std::string help, Parse parse) {
  auto o = make(std::move(key), std::move(help));
  o.list = true;
  o.set = [&field, parse](const std::vector<std::string>& texts) -> result<void> {
    std::vector<T> values;
    for (auto& text : texts) {
      auto some = parse(text);
      if (!some)
        return tl::unexpected{some.error()};
      values.insert(values.end(), some->begin(), some->end());
    }
    field = std::move(values);
    return {};
  };
  o.show = [&field] {
    std::vector<std::string> texts;
    for (auto& x : field) {
      if constexpr (std::is_same_v<T, std::string>)
        texts.push_back(x);
      else
        texts.push_back(x.str());
    }
    return texts;
  };
  return o;
}

} // namespace

result<std::vector<endpoint>> parse_listen(const std::string& text) {
  auto colon = text.rfind(':');
  auto bad = [&] {
    return fail(ec::invalid_argument,
                fmt::format("\"{}\" is no address and port, e.g. 127.0.0.1:8080", text));
  };
  if (colon == std::string::npos)
    return bad();
  auto port = parse_number<uint16_t>(text.substr(colon + 1), 1, 65535);
  if (!port)
    return bad();
  auto host = text.substr(0, colon);
  if (host.empty())
    return std::vector{endpoint{*ip_address::parse("0.0.0.0"), *port},
                       endpoint{*ip_address::parse("::"), *port}};
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  auto address = ip_address::parse(host);
  if (!address)
    return bad();
  return std::vector{endpoint{*address, *port}};
}

option setting(std::string key, std::string& field, std::string help) {
  auto o = make(std::move(key), std::move(help));
  o.set = [&field](const std::vector<std::string>& texts) -> result<void> {
    field = texts.front();
    return {};
  };
  o.show = [&field] { return std::vector{field}; };
  return o;
}

option setting(std::string key, bool& field, std::string help) {
  auto o = make(std::move(key), std::move(help));
  o.quoted = false;
  o.set = [&field](const std::vector<std::string>& texts) -> result<void> {
    auto& text = texts.front();
    if (text == "true" || text == "1" || text == "yes" || text == "on")
      field = true;
    else if (text == "false" || text == "0" || text == "no" || text == "off")
      field = false;
    else
      return fail(ec::invalid_argument, fmt::format("\"{}\" is neither true nor false", text));
    return {};
  };
  o.show = [&field] { return std::vector{std::string{field ? "true" : "false"}}; };
  return o;
}

option setting(std::string key, unsigned& field, std::string help, unsigned min, unsigned max) {
  return number_setting(std::move(key), field, std::move(help), min, max);
}

option setting(std::string key, uint64_t& field, std::string help, uint64_t min, uint64_t max) {
  return number_setting(std::move(key), field, std::move(help), min, max);
}

option setting(std::string key, double& field, std::string help, double min, double max) {
  return number_setting(std::move(key), field, std::move(help), min, max);
}

option setting(std::string key, std::chrono::seconds& field, std::string help, int64_t min,
               int64_t max) {
  auto o = make(std::move(key), fmt::format("{} (seconds, {}..{})", help, min, max));
  o.quoted = false;
  o.set = [&field, min, max](const std::vector<std::string>& texts) -> result<void> {
    auto value = parse_number<int64_t>(texts.front(), min, max);
    if (!value)
      return tl::unexpected{value.error()};
    field = std::chrono::seconds{*value};
    return {};
  };
  o.show = [&field] { return std::vector{std::to_string(field.count())}; };
  return o;
}

option setting(std::string key, std::vector<endpoint>& field, std::string help) {
  return list_setting(std::move(key), field, std::move(help), parse_listen);
}

option setting(std::string key, std::vector<cidr>& field, std::string help) {
  return list_setting(std::move(key), field, std::move(help),
                      [](const std::string& text) -> result<std::vector<cidr>> {
                        if (auto network = cidr::parse(text))
                          return std::vector{*network};
                        return fail(ec::invalid_argument,
                                    fmt::format("\"{}\" is no network, e.g. 10.0.0.0/8", text));
                      });
}

option setting(std::string key, std::vector<std::string>& field, std::string help) {
  return list_setting(std::move(key), field, std::move(help),
                      [](const std::string& text) -> result<std::vector<std::string>> {
                        return std::vector{text};
                      });
}

option secret(option made) {
  made.secret = true;
  return made;
}

option also(option made, std::string env) {
  made.env.push_back(std::move(env));
  return made;
}

} // namespace shoal::cmd
