"""The district office's pages."""
