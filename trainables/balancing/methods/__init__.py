"""Ways of balancing: each module defines one or several `BalancerEntry` values, which the catalog collects."""
