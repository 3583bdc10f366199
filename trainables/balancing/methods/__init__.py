"""Balancing methods: each module defines one or several `BalancerEntry` values, which the catalog collects."""
