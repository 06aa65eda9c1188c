"""The version of k2t-gen, which stands in every file that it writes."""

VERSION = "0.1.0"
