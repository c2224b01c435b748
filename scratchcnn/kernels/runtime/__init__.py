"""Compilation and its cache, threads, reusable memory, processor features."""
