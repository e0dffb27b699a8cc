# SPDX-License-Identifier: Apache-2.0
"""Prints the ids of the tests that failed according to a JUnit file, a line each."""

import sys
import xml.etree.ElementTree as ET


def failed_ids(path):
    for case in ET.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            yield f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}"


if __name__ == "__main__":
    print("\n".join(dict.fromkeys(failed_ids(sys.argv[1]))))
