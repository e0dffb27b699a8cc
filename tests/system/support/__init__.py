# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: a real node, real clients, and the tools to look at both."""
