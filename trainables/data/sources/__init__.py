"""The data sets: each module defines one or several `DataSet` values, which the catalog collects."""
