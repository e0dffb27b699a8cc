// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/atom.hpp>

/// Verbs without data. CAF 0.17 packs an atom's text into 64 bits: ten characters at most.
namespace shoal::atom {

using clear = caf::atom_constant<caf::atom("clear")>;
using evict = caf::atom_constant<caf::atom("evict")>;
using expire = caf::atom_constant<caf::atom("expire")>;
using flush = caf::atom_constant<caf::atom("flush")>;
using idle = caf::atom_constant<caf::atom("idle")>;
using list = caf::atom_constant<caf::atom("list")>;
using load = caf::atom_constant<caf::atom("load")>;
using members = caf::atom_constant<caf::atom("members")>;
using refresh = caf::atom_constant<caf::atom("refresh")>;
using save = caf::atom_constant<caf::atom("save")>;
using status = caf::atom_constant<caf::atom("status")>;
using stop = caf::atom_constant<caf::atom("stop")>;
using tick = caf::atom_constant<caf::atom("tick")>;

} // namespace shoal::atom
