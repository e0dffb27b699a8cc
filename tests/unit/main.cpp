// SPDX-License-Identifier: Apache-2.0
// The one translation unit that brings the test framework's main().
#include <caf/test/unit_test_impl.hpp>
