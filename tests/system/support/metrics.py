# SPDX-License-Identifier: Apache-2.0
"""Reading /metrics with the parser of Prometheus' own Python client."""

from prometheus_client.parser import text_string_to_metric_families


def families(text):
    return list(text_string_to_metric_families(text))


def parse(text):
    """{name: value} of series without labels, {(name, (label, value)...): value} of the others."""
    values = {}
    for family in families(text):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items())) if sample.labels else sample.name
            assert key not in values, f"series twice: {key}"
            values[key] = sample.value
    return values
