"""The classifiers: each module defines one or several `ClassifierModel` values, which the catalog collects."""
