"""Endpoints of the studio's pages, a file a page: they check what comes in, call, and answer in JSON."""
