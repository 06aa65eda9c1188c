"""Tests of Python source that is read and never run."""
