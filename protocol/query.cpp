// SPDX-License-Identifier: Apache-2.0
#include "protocol/query.hpp"

#include "core/limits.hpp"
#include "protocol/percent.hpp"

#include <algorithm>

namespace shoal {

query_view::iterator& query_view::iterator::operator++() {
  while (!rest_.empty() && rest_.front() == '&')
    rest_.remove_prefix(1);
  done_ = rest_.empty();
  if (done_)
    return *this;
  auto text = rest_.substr(0, rest_.find('&'));
  rest_.remove_prefix(text.size());
  auto equals = text.find('=');
  field_.has_value = equals != std::string_view::npos;
  field_.name = text.substr(0, equals);
  field_.value = field_.has_value ? text.substr(equals + 1) : std::string_view{};
  return *this;
}

result<query_params> query_params::parse(std::string_view raw) {
  query_params params;
  for (const auto& field : query_view{raw}) {
    if (params.fields_.size() == limits::query_fields_max)
      return fail(ec::too_large, "too many query parameters");
    auto name = form_decode(field.name);
    auto value = form_decode(field.value);
    if (!name || !value)
      return fail(ec::invalid_argument, "the query is badly escaped");
    params.fields_.emplace_back(std::move(*name), std::move(*value));
  }
  return params;
}

std::optional<std::string> query_params::get(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (key == name)
      return value;
  return std::nullopt;
}

std::vector<std::string> query_params::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : fields_)
    if (key == name)
      values.push_back(value);
  return values;
}

bool query_params::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [name](const auto& field) { return field.first == name; });
}

} // namespace shoal
